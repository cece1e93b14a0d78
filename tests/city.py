"""Kota Jambi as it is shipped, for tests: its documents as services are handed them, each file read once."""

import copy
from collections.abc import Iterable
from functools import cache
from typing import Any

from ops import city


@cache
def _shipped() -> dict[str, Any]:
    return city.read(city.DIRECTORY)


def documents(names: Iterable[str]) -> dict[str, Any]:
    """These of its documents, to do with as a test likes."""
    return {name: copy.deepcopy(_shipped()[name]) for name in names}
