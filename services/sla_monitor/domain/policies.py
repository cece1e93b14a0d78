"""How long each clock may run: policies as dated versions, read from the city's document `sla`."""

from dataclasses import dataclass
from datetime import date, time
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from services.sla_monitor.domain.calendar import Certainty, Unit
from shared.events.parts import Klasifikasi


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Step(_Record):
    """A length: `days` of `unit` after the day it starts; warned while `warn_days_before` of them are left.

    `warn_days_before` None = never warned. `provisional`: no rule was found, the city has to confirm it.
    """

    days: Annotated[int, Field(ge=1, le=1000)]
    unit: Unit
    warn_days_before: Annotated[int, Field(ge=1)] | None = None
    certainty: Certainty | None = None
    provisional: bool = False
    source: str | None = None
    note: str | None = None


class Steps(_Record):
    """The clocks whose length is the same for every kind of complaint."""

    verify: Step
    first_response: Step
    silence: Step
    completion: Step


class Resolution(_Record):
    """The citizen's clock, by klasifikasi; `unclassified` where nobody gave one."""

    berkadar_pengawasan: Step
    tidak_berkadar_pengawasan: Step
    permintaan_informasi: Step
    aspirasi: Step
    unclassified: Step

    def for_kind(self, klasifikasi: Klasifikasi | None) -> Step:
        step: Step = getattr(self, klasifikasi or "unclassified")
        return step


class WorkingHours(_Record):
    """Office hours, local time; they measure how late something was, never when it is due."""

    opens: time
    closes: time
    certainty: Certainty | None = None
    source: str | None = None
    note: str | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.closes <= self.opens:
            raise ValueError("closes before it opens")
        return self


class Policy(_Record):
    """One version of the rules, valid from a local day on (None: from ever) until a later one is.

    `day_ends`: the local time at which the last day is over. The rules count whole days and name no hour,
    channels are open round the clock, so a deadline is kept until the end of its last day.
    """

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{0,63}$")]
    valid_from: date | None = None
    day_ends: time
    working_hours: WorkingHours
    steps: Steps
    resolution: Resolution
    certainty: Certainty | None = None
    source: str | None = None
    note: str | None = None


class _Document(_Record):
    policies: tuple[Policy, ...]
    note: str | None = None

    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        if not self.policies:
            raise ValueError("names no policy")
        for what in ("name", "valid_from"):
            values = [getattr(policy, what) for policy in self.policies]
            if len(set(values)) != len(values):
                raise ValueError(f"two policies have the same {what}")
        return self


@dataclass(frozen=True, slots=True)
class Policies:
    """All versions of one document, oldest first."""

    versions: tuple[Policy, ...]

    @classmethod
    def read(cls, document: object, *, strict: bool = True) -> Self:
        """From the document `sla`. Raises pydantic.ValidationError. Not `strict`: unknown fields are ignored."""
        policies = _Document.model_validate(document, extra=None if strict else "ignore").policies
        return cls(tuple(sorted(policies, key=lambda policy: policy.valid_from or date.min)))

    def valid_on(self, day: date) -> Policy:
        """The version in force on that local day; before the first one, the first."""
        in_force = [policy for policy in self.versions if (policy.valid_from or date.min) <= day]
        return in_force[-1] if in_force else self.versions[0]
