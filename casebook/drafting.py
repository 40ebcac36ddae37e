"""Between a fact and its line in the log: the draft, what it claims, and the occasion that a line is folded with. Pure.

What a batch of drafts may do is decided by casebook/log.py.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from casebook import events as e
from casebook.capacity import Hold
from casebook.log import By, Claim, Draft, Entry, Source
from casebook.picture import Occasion

UNIT_LEASE = timedelta(hours=12)  # longer than any mission; a unit is given back by its own facts, not by the lease


def occasion_of(entry: Entry) -> Occasion:
    source = entry.source
    if source is None:
        return Occasion(entry.seq, entry.at, str(entry.by))
    return Occasion(entry.seq, entry.at, str(entry.by), source.unit, source.epoch, source.seq)


def draft_of(fact: e.Event, at: datetime, now: datetime, by: By, source: Source | None, asked: str) -> Draft:
    return Draft(fact.name, fact.version, e.encode(fact), at, now, by, source, asked, claims_of(fact, now))


def claims_of(fact: e.Event, now: datetime) -> tuple[Claim, ...]:
    """The scarce things a fact takes or gives back."""
    match fact:
        case e.HoldPlaced():
            hold = Hold(fact.hospital, fact.resource, fact.slot, fact.casualty, fact.until)
            return (Claim(hold.key, fact.casualty, fact.until),)
        case e.HoldReleased():
            hold = Hold(fact.hospital, fact.resource, fact.slot, fact.casualty, now)
            return (Claim(hold.key, fact.casualty, None),)
        case e.UnitAssigned():
            return (Claim(f"unit:{fact.unit}", fact.incident, now + UNIT_LEASE),)
        case e.UnitBackInService() | e.UnitStoodDown():
            return (Claim(f"unit:{fact.unit}", "*", None),)
        case _:
            return ()
