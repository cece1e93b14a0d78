"""Folds that hear what a test names, and do nothing."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.database import Transaction
from shared.decision import Decision
from shared.delivery.fold import Fold
from shared.events.catalogue import OWNER_TOPICS
from shared.events.fact import Event
from shared.events.parts import FieldError
from shared.events.receipts import SubmissionRefused
from shared.events.submissions import SubmissionPosted

SUBJECT = UUID("0b7f6a52-7a4e-5d55-9d3a-1f0b0c8f6f01")


def unmoved(state: None, _event: Any, _city: None, _now: datetime) -> Decision[None]:
    """A rule that answers nothing."""
    return Decision(state)


async def load(_tx: Transaction, keys: Sequence[UUID]) -> Mapping[UUID, None]:
    return dict.fromkeys(keys)


async def save(_tx: Transaction, _states: Mapping[UUID, None]) -> None:
    return None


async def no_city(_tx: Transaction) -> None:
    return None


def refused(source: str, reference: str, errors: Sequence[FieldError]) -> SubmissionRefused:
    return SubmissionRefused(source=source, reference=reference, errors=tuple(errors))


def fold_of(*kinds: type[Event]) -> Fold[None, None]:
    """Hears these. What is not keyed by complaint is about SUBJECT; submissions are strangers' and refused."""
    return Fold(
        dict.fromkeys(kinds, unmoved),
        load=load,
        save=save,
        city=no_city,
        keys={kind: lambda _: SUBJECT for kind in kinds if kind.topic not in (*OWNER_TOPICS, "sla.state")},
        refuses={kind: refused for kind in kinds if kind is SubmissionPosted},
    )
