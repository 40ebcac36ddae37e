"""Sample the monitor once a second of the clock for the casualty it is on, and keep what is no measurement out.

A value that cannot be is left out of the sample and becomes a technical state; the others stay. Storing a sample is
handed in by the agent; waves are `wave_feed`'s.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from ambulance_unit.monitor.feed import Monitor
from ambulance_unit.technical import Technical
from casebook.clock import Clock
from casebook.errors import CoordinationError, FeedLost, RefusedInput
from casebook.vitals import Doubt, Vitals, alarms, check

SECOND = timedelta(seconds=1)
BEHIND_S = 5.0  # wall seconds; further behind, the vehicle was asleep, and what it did not see it does not make up


@dataclass(frozen=True, slots=True)
class Sample:
    """What the monitor showed at `at`, less what cannot be."""

    casualty: str
    at: datetime
    vitals: Vitals
    doubts: tuple[Doubt, ...] = ()

    def as_view(self) -> dict[str, Any]:
        raised = [{"field": one.field, "priority": one.priority, "key": one.key} for one in alarms(self.vitals)]
        doubts = {one.field: {"key": one.key, "low": one.low, "high": one.high} for one in self.doubts}
        gcs = {} if self.vitals.gcs is None else {"gcs": self.vitals.gcs}
        values = self.vitals.as_dict() | gcs
        return {"casualty": self.casualty, "at": self.at, "values": values, "alarms": raised, "doubts": doubts}


def sift(vitals: Vitals) -> tuple[Vitals, list[Doubt], list[RefusedInput]]:
    """The sample without the fields that cannot be, what is doubtful about the rest, and what was refused."""
    refused: list[RefusedInput] = []
    while True:
        try:
            return vitals, check(vitals), refused
        except RefusedInput as wrong:
            refused.append(wrong)
            vitals = replace(vitals, **{wrong.facts["field"]: None})


def own_cuff_only(vitals: Vitals, since: datetime | None) -> Vitals:
    """Without a cuff pressure that was measured before the monitor was on this casualty: it is not theirs."""
    if since is None or vitals.nibp_at is None or vitals.nibp_at >= since:
        return vitals
    return replace(vitals, sbp_mmhg=None, dbp_mmhg=None, map_mmhg=None, nibp_at=None)


def not_far(due: datetime, now: datetime) -> datetime:
    """When to look next: as planned, or, after the clock was set back, at the next whole second that it shows now."""
    return now.replace(microsecond=0) + SECOND if due - now > 2 * SECOND else due


class Sampler:
    """`choose(casualty)` gives the monitor that is on a casualty; `store(sample)` takes each sample."""

    def __init__(
        self,
        clock: Clock,
        technical: Technical,
        choose: Callable[[str], Monitor | None],
        store: Callable[[Sample], None],
        *,
        sampled: int = 0,
    ) -> None:
        self._clock, self._technical, self._choose, self._store = clock, technical, choose, store
        self.casualty: str | None = None
        self.monitor: Monitor | None = None
        self.latest: Sample | None = None
        self._since: datetime | None = None
        self.sampled, self.missed, self.impossible = sampled, 0, 0

    def attach(self, casualty: str | None) -> None:
        """Put the monitor on a casualty, or take it off."""
        if casualty == self.casualty:
            return
        self.casualty, self.latest, self._since = casualty, None, self._clock.now()
        self.monitor = self._choose(casualty) if casualty else None
        for name in self._technical.names():
            if name.startswith("vital.") or name == "monitor":
                self._technical.clear(name)

    async def run(self) -> None:
        """Sample at every whole second of the clock, until cancelled."""
        due = self._clock.now().replace(microsecond=0) + SECOND
        while True:
            due = not_far(due, self._clock.now())
            await self._clock.sleep_until(due)
            behind_s = (self._clock.now() - due).total_seconds()
            if behind_s > BEHIND_S * max(1.0, self._clock.rate):
                skipped = math.floor(behind_s)
                self.missed += skipped if self.monitor else 0
                due += skipped * SECOND
            self.sample(due)
            due += SECOND

    def sample(self, at: datetime) -> None:
        """One sample, if the monitor is on somebody and shows anything."""
        if self.casualty is None or self.monitor is None:
            return
        try:
            vitals, doubts, refused = sift(own_cuff_only(self.monitor.numerics(at), self._since))
        except CoordinationError as wrong:
            self._technical.note("monitor", wrong, at)
            return
        self._tell_refused(refused, vitals, at)
        if not vitals.as_dict():
            self._technical.note("monitor", FeedLost("monitor_silent"), at)
            return
        self._technical.clear("monitor")
        self.sampled += 1
        self.latest = Sample(self.casualty, at, vitals, tuple(doubts))
        self._store(self.latest)

    def _tell_refused(self, refused: list[RefusedInput], vitals: Vitals, at: datetime) -> None:
        self.impossible += len(refused)
        for wrong in refused:
            self._technical.note(f"vital.{wrong.facts['field']}", wrong, at)
        measured = vitals.as_dict()
        for name in self._technical.names():
            if name.startswith("vital.") and name.removeprefix("vital.") in measured:
                self._technical.clear(name)
