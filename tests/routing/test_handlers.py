"""Nothing that routing offers is without a rule."""

from services.routing.domain.acts import DOERS
from services.routing.domain.arrival import WAITED
from services.routing.domain.deadlines import on_clock_told
from services.routing.handlers import hears
from shared.events.fact import Event
from shared.events.intake import ComplaintReceived
from shared.events.updates import OpdUpdatePosted


def test_every_act_that_officials_may_command_has_a_rule() -> None:
    assert set(DOERS) <= set(hears)


def test_every_fact_that_may_come_before_its_complaint_is_answered_by_the_same_rule_then() -> None:
    heard = {kind: rule for kind, rule in hears.items() if issubclass(kind, Event)}
    del heard[ComplaintReceived]
    for kind in [kind for kind, rule in heard.items() if rule is on_clock_told]:
        del heard[kind]  # kept at once: they change nothing but a column to order by
    del heard[OpdUpdatePosted]  # refused while its ticket is unknown
    assert dict(WAITED) == heard
