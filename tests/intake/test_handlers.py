"""What intake hears of routing it can tell the citizen."""

from services.intake.domain.timeline import SHOWN
from services.intake.handlers import hears
from shared.events.fact import Event


def test_every_fact_of_routing_that_is_heard_has_its_words_on_the_timeline() -> None:
    heard = {kind for kind in hears if issubclass(kind, Event) and kind.topic == "routing.events"}
    assert heard == set(SHOWN)
