"""The loop that hands LAPOR's own reports in at intake: again and again, word for word, until a receipt comes."""

from datetime import timedelta
from typing import Any

from services.lapor_bridge import store
from services.lapor_bridge.domain.acts import SubmissionSent
from shared.delivery.desk import Desk
from shared.events.ids import event_id
from shared.events.submissions import SubmissionPosted

AT_ONCE = 500
PAUSE = 0.5

AGAIN_AFTER = timedelta(minutes=10)
"""When one is posted again whose posting could not be kept: its rule failed, which is counted and logged."""


async def post(desk: Desk[Any, Any]) -> float:
    """One turn; seconds until the next. What Kafka does not acknowledge stays due.

    Submissions bypass `said`: they may carry what a citizen wrote of himself (DESIGN §3). Each posting has an
    id of its own, so that a repeat is answered with a receipt of its own.
    """
    now = desk.clock()
    async with desk.read() as connection:
        due = await store.due_to_post(connection, now, AT_ONCE)
    if not due:
        return PAUSE
    acknowledged = await desk.poster.post(
        [(key, body.known_as(event_id(key, SubmissionPosted.type, posts))) for key, posts, body in due], now
    )
    sent = [key for (key, _, _), taken in zip(due, acknowledged, strict=True) if taken]
    if sent and (failed := await desk.hand_in([(key, SubmissionSent()) for key in sent])):
        async with desk.read() as connection:
            await store.postpone_posts(connection, [key for key, _ in failed], now + AGAIN_AFTER)
    return 0.0 if len(sent) == AT_ONCE else PAUSE
