"""The crew's own facts that the hub does not show back yet: kept until it does, and found again after a restart.

How they are laid over the view is `overlay`'s.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from ambulance_unit.outbox import Outbox
from ambulance_unit.overlay import OwnFact, View, overlay, shows
from casebook import events as e
from casebook.errors import CoordinationError
from casebook.link import OutboxRow

SHOWN_BACK_S = 5.0  # wall seconds a fact stays after its acknowledgement: the hub's view of it may come a little later


class OwnFacts:
    """`wall_s` is a monotonic clock."""

    def __init__(self, outbox: Outbox, wall_s: Callable[[], float]) -> None:
        self._outbox, self._wall_s = outbox, wall_s
        self._facts: list[OwnFact] = []
        self._acked_s: dict[int, float] = {}  # row -> when its acknowledgement was first seen
        self._epoch = ""
        self._reload()

    def add(self, seqs: Sequence[int], at: datetime, facts: Sequence[e.Event], who: str) -> None:
        self._facts += [OwnFact(seq, at, fact, who) for seq, fact in zip(seqs, facts, strict=True) if shows(type(fact))]

    def over(self, view: View) -> View:
        return overlay(view, self._facts)

    def settle(self, view: View) -> list[OwnFact]:
        """Let go of facts that the hub has had for long enough to show them itself; `view` is the last one told.

        Gives those that it does not show: it has them, but did not accept them.
        """
        if self._epoch != self._outbox.epoch:
            self._reload()
        acked, now_s = self._outbox.counts.acked, self._wall_s()
        for own in self._facts:
            if own.seq <= acked:
                self._acked_s.setdefault(own.seq, now_s)
        gone = {seq for seq, since_s in self._acked_s.items() if now_s - since_s > SHOWN_BACK_S}
        if not gone:
            return []
        settled = [own for own in self._facts if own.seq in gone]
        self._facts = [own for own in self._facts if own.seq not in gone]
        self._acked_s = {seq: since_s for seq, since_s in self._acked_s.items() if seq not in gone}
        return [own for own in settled if overlay(view, [own]) != view]

    def _reload(self) -> None:
        """After a restart, or when the rows were renumbered: what still waits is in the outbox."""
        self._epoch, self._acked_s, self._facts = self._outbox.epoch, {}, []
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
