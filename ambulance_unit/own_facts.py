"""The crew's own facts that the hub does not show back yet: kept until it does, and found again after a restart.

How they are laid over the view is `overlay`'s.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from ambulance_unit.outbox import Outbox
from ambulance_unit.overlay import OwnFact, View, overlay, shows
from ambulance_unit.told_view import ToldView
from casebook import events as e
from casebook.clock import Clock
from casebook.errors import CoordinationError
from casebook.link import OutboxRow

SHOWN_BACK_S = 5.0  # wall seconds a fact stays after its acknowledgement: the hub's view of it may come a little later


class OwnFacts:
    """`wall_s` is a monotonic clock."""

    def __init__(self, outbox: Outbox, clock: Clock, wall_s: Callable[[], float]) -> None:
        self._outbox, self._clock, self._wall_s = outbox, clock, wall_s
        self._facts: list[OwnFact] = []
        self._acked: dict[int, tuple[float, datetime]] = {}  # row -> when its acknowledgement was first seen
        self._epoch = ""
        self._reload()

    def add(self, seqs: Sequence[int], at: datetime, facts: Sequence[e.Event], who: str) -> None:
        self._facts += [OwnFact(seq, at, fact, who) for seq, fact in zip(seqs, facts, strict=True) if shows(type(fact))]

    def over(self, view: View) -> View:
        return overlay(view, self._facts)

    def settle(self, told: ToldView) -> list[OwnFact]:
        """Let go of facts that the hub has had for long enough to show them itself, and has spoken since.

        Gives those that it does not show: it has them, but did not accept them.
        """
        if self._epoch != self._outbox.epoch:
            self._reload()
        acked, now = self._outbox.main.acked, (self._wall_s(), self._clock.now())
        for own in self._facts:
            if own.seq <= acked:
                self._acked.setdefault(own.seq, now)
        gone = {seq for seq, (at_s, at) in self._acked.items() if now[0] - at_s > SHOWN_BACK_S and _since(told, at)}
        settled = [own for own in self._facts if own.seq in gone]
        self._facts = [own for own in self._facts if own.seq not in gone]
        self._acked = {seq: when for seq, when in self._acked.items() if seq not in gone}
        return [own for own in settled if overlay(told.view, [own]) != told.view]

    def _reload(self) -> None:
        """After a restart, or when the rows were renumbered: what still waits is in the outbox."""
        self._epoch, self._acked, self._facts = self._outbox.epoch, {}, []
        for row in self._waiting_rows():
            kind = e.FACTS.get(row.kind)
            if kind is not None and shows(kind):
                with contextlib.suppress(CoordinationError):  # the hub will refuse it and keep it
                    self._facts.append(OwnFact(row.seq, row.at, e.decode(row.kind, row.body), row.who))

    def _waiting_rows(self) -> Iterator[OutboxRow]:
        after = 0
        while rows := self._outbox.unacknowledged(after):
            yield from rows
            after = rows[-1].seq


def _since(told: ToldView, at: datetime) -> bool:
    return told.at is not None and told.at > at
