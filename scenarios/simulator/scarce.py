"""The checker's rules on what there is only so much of: bays, beds, and a patient, who is in one place. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from casebook import events as e
from casebook.book import occasion_of
from casebook.casualty import Stage
from casebook.log import Entry
from casebook.picture import Picture, fold
from hospital_board.bays import list_bays
from hospital_board.cases import list_own_cases
from scenarios.simulator.history import Committed, History, Leased

Slot = tuple[str, str, int]  # hospital, resource, number
MOVES = frozenset({"bay_assigned", "bay_cleared", "casualty_boarded", "casualty_transferred", "destination_chosen"})


@dataclass(slots=True)
class _Held:
    """Who has which slot, over all hubs, and what each hub knows of the counts."""

    by: dict[Slot, tuple[str, datetime]] = field(default_factory=dict)
    free: dict[tuple[str, str, str], int | None] = field(default_factory=dict)  # book, hospital, resource
    # hospital, resource -> by case how many others the shared store had there when it gave the case a slot
    beside: dict[tuple[str, str], dict[str, int]] = field(default_factory=dict)


def beds(history: History) -> Iterator[str]:
    """No slot is held for two cases at once, whichever hubs they are of; no count is below nothing or above the total;
    and no desk sends somebody where it knows that nothing is left."""
    held = _Held()
    for one in history.told:
        match one:
            case Leased():
                _lease(held, one)
            case Committed():
                batch = history.logs[one.book][one.first - 1 : one.last]
                yield from _batch(held, one.book, batch)
            case _:
                pass


def _lease(held: _Held, page: Leased) -> None:
    """Its book may be written long after, or not at all: the slot is the case's all the same."""
    before = held.beside.get((page.hospital, page.resource), {})
    others = len(page.cases) - 1
    held.beside[page.hospital, page.resource] = {case: before.get(case, others) for case in page.cases}


def _batch(held: _Held, book: str, batch: Sequence[Entry]) -> Iterator[str]:
    chosen = {entry.body["casualty"] for entry in batch if entry.kind == "destination_chosen"}
    forced = any(entry.body.get("override_reason") for entry in batch if entry.kind == "destination_chosen")
    for entry in batch:
        match e.decode(entry.kind, entry.body):
            case e.CapacityReported() as fact:
                held.free[book, fact.hospital, fact.resource] = fact.free
                yield from _impossible(book, fact)
            case e.HoldReleased() as fact:
                held.by.pop((fact.hospital, fact.resource, fact.slot), None)
            case e.HoldPlaced() as fact:
                asked = fact.casualty in chosen and not forced
                yield from _place(held, book, fact, entry.recorded_at, asked)
            case _:
                pass


def _impossible(book: str, fact: e.CapacityReported) -> Iterator[str]:
    if fact.free is not None and (fact.free < 0 or (fact.total is not None and fact.free > fact.total)):
        yield f"{book}: {fact.hospital} has {fact.free} of {fact.total} {fact.resource} free"


def _place(held: _Held, book: str, fact: e.HoldPlaced, now: datetime, asked: bool) -> Iterator[str]:
    """`asked`: the desk chose this hospital because something is free there."""
    slot, case = (fact.hospital, fact.resource, fact.slot), f"{book}/{fact.casualty}"
    alive = {one: by for one, (by, until) in held.by.items() if until > now and one[:2] == slot[:2]}
    holder = alive.get(slot)
    if holder is not None and holder != case:
        yield f"{slot} is held for {holder} and for {case}"
    free = held.free.get((book, fact.hospital, fact.resource))
    others = min(len(alive), held.beside.get(slot[:2], {}).get(case, len(alive)))
    if asked and case not in alive.values() and free is not None and others >= free:
        yield f"{case} holds one of {free} {fact.resource} of {fact.hospital}, all of which are held"
    held.by[slot] = (case, fact.until)


def patients(history: History) -> Iterator[str]:
    """At every moment a bay has one patient, and a patient is in one vehicle."""
    for book, entries in history.logs.items():
        picture = Picture()
        for entry in entries:
            picture = fold(picture, e.decode(entry.kind, entry.body), occasion_of(entry))
            if entry.kind in MOVES:
                yield from (f"{book}, entry {entry.seq}: {what}" for what in _crowded(picture))


def _crowded(picture: Picture) -> Iterator[str]:
    for hospital in picture.hospitals.values():
        cases = [one for one in list_own_cases(picture, hospital.id) if one.bay and one.stage is not Stage.CLOSED]
        for bay, count in Counter(one.bay for one in cases).items():
            if count > 1 or bay not in list_bays(hospital):
                yield f"{count} patients in {hospital.id} {bay}"
    aboard = Counter(one for unit in picture.units.values() for one in unit.aboard)
    yield from (f"{one} is in {count} vehicles" for one, count in aboard.items() if count > 1)
