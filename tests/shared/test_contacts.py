"""The city's own numbers, read from its file by this version and by one that is older than the file."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import pytest

from services.intake.domain.city import City
from services.lapor_bridge.domain.city import CityRefused as BridgeRefuses
from services.lapor_bridge.domain.city import parse_city as read_for_bridge
from services.routing.domain.city import CityRefused as RoutingRefuses
from services.routing.domain.city import parse_city as read_for_routing
from tests.lapor_bridge.world import DOCUMENTS as FOR_BRIDGE
from tests.routing.world import DOCUMENTS as FOR_ROUTING

CONTACTS = {
    "contacts": [
        {
            "value": "(0741) 60123",
            "what": "pengaduan warga",
            "certainty": "C",
            "source": "made up",
            "since": 1,
        }
    ]
}
"""As a later version may store it: with a field that this one does not know."""

DAY = date(2026, 3, 2)


@pytest.mark.parametrize(
    "published",
    [
        lambda: City.from_documents({"contacts": CONTACTS}).published(DAY),
        lambda: read_for_routing({**FOR_ROUTING, "contacts": CONTACTS}, strict=False).published(DAY),
        lambda: read_for_bridge({**FOR_BRIDGE, "contacts": CONTACTS}, strict=False).published(DAY),
    ],
    ids=["intake", "routing", "bridge"],
)
def test_numbers_that_a_newer_version_stored_stand_here_too(published: Callable[[], frozenset[str]]) -> None:
    assert published() == {"074160123"}


@pytest.mark.parametrize(
    ("read", "documents", "refuses"),
    [
        (read_for_routing, FOR_ROUTING, RoutingRefuses),
        (read_for_bridge, FOR_BRIDGE, BridgeRefuses),
    ],
    ids=["routing", "bridge"],
)
def test_a_file_with_a_field_that_nobody_knows_is_not_loaded(
    read: Callable[[Mapping[str, Any]], object], documents: Mapping[str, Any], refuses: type[Exception]
) -> None:
    with pytest.raises(refuses, match=r"contacts.yaml: contacts\[0\].since"):
        read({**documents, "contacts": CONTACTS})
