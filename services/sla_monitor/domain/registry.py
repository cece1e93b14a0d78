"""The city's rules as the monitor knows them: every edition that was ever loaded, so that none is lost."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import ValidationError

from services.sla_monitor.domain.calendar import Calendar, Holidays, edition_of_the_library
from services.sla_monitor.domain.policies import Policies

DOCUMENTS = ("sla", "holidays")
"""What the monitor needs of a city, by the names of the files without their ending."""


class RulesRefused(ValueError):
    """The documents of a city that cannot be used; `problems` names each by file and field."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problems))


@dataclass(frozen=True, slots=True)
class Edition:
    """Policies and calendar as they were loaded together."""

    number: int
    policies: Policies
    calendar: Calendar


@dataclass(frozen=True, slots=True)
class Registry:
    """Every edition. New clocks are decided by the newest, each other one by the edition its history names.

    `settle`: how long a clock that was already overdue when it was first seen keeps silent.
    """

    editions: Mapping[int, Edition]
    settle: timedelta

    @property
    def newest(self) -> int:
        return max(self.editions)

    def edition(self, number: int) -> Edition:
        """The edition of that number. Raises KeyError: editions are never deleted."""
        return self.editions[number]


def read_edition(documents: Mapping[str, Any], number: int = 0, *, strict: bool = True) -> Edition:
    """The edition that the documents describe. Raises RulesRefused with every problem, by file and field.

    Not `strict`: fields that this code does not know are ignored; a newer version of it may have stored them.
    """
    problems = [f"{name}.yaml: missing" for name in DOCUMENTS if name not in documents]
    policies: Policies | None = None
    rules: Holidays | None = None
    if "sla" in documents:
        try:
            policies = Policies.read(documents["sla"], strict=strict)
        except ValidationError as wrong:
            problems += _problems("sla", wrong)
    if "holidays" in documents:
        try:
            rules = Holidays.model_validate(documents["holidays"], extra=None if strict else "ignore")
        except ValidationError as wrong:
            problems += _problems("holidays", wrong)
    if policies is None or rules is None:
        raise RulesRefused(list(dict.fromkeys(problems)))
    return Edition(number, policies, Calendar(f"ID@{number}+{edition_of_the_library()}", rules))


def _problems(name: str, wrong: ValidationError) -> list[str]:
    return [
        f"{name}.yaml: {'.'.join(str(part) for part in error['loc']) or 'document'}: {error['msg']}"
        for error in wrong.errors(include_url=False)
    ]
