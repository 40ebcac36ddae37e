"""Logs of earlier versions are read: events are lifted step by step, and a whole log of each release still folds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from casebook_tales import BY, START, draft
from msgspec.structs import replace

from casebook import events as e
from casebook.book import Book
from casebook.casualty import Stage
from casebook.clock import JumpClock
from casebook.errors import RefusedInput
from casebook.events import upcasting
from casebook.events.upcasting import current, lifts
from casebook.log import MemoryLog
from casebook.store.exports import read_export
from casebook.store.restoring import fold_all, hash_of, restore
from casebook.store.seals import checked

RELEASED = sorted((Path(__file__).parent / "logs").glob("*.jsonl"), key=lambda path: path.name)


@pytest.fixture
def bed_event(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[e.Event]]:
    """An event at its third version: `bed_seen` {"n"} -> `bed_counted` {"count"} -> {"count", "ward"}."""
    monkeypatch.setattr(upcasting, "LIFTS", {})

    @e.fact("bed_counted", version=3)
    @dataclass(frozen=True, slots=True)
    class BedCounted(e.Event):
        count: int
        ward: str

    lifts("bed_seen", 1)(lambda body: ("bed_counted", {"count": body["n"]}))
    lifts("bed_counted", 2)(lambda body: ("bed_counted", {**body, "ward": "unknown"}))
    yield BedCounted
    del e.FACTS["bed_counted"]


@pytest.mark.parametrize(
    ("kind", "version", "body"),
    [
        ("bed_seen", 1, {"n": 4}),
        ("bed_counted", 2, {"count": 4}),
        ("bed_counted", 3, {"count": 4, "ward": "unknown"}),
    ],
)
def test_every_version_becomes_the_newest_event(bed_event: type[e.Event], kind: str, version: int, body: dict):
    (entry,) = MemoryLog().append([replace(draft(kind, body=body), version=version)])
    lifted = current(entry)
    assert e.decode(lifted.kind, lifted.body) == bed_event(4, "unknown") and lifted.version == 3  # type: ignore[call-arg]
    assert (entry.kind, entry.body) == (kind, body), "what was written stays as it was"


@pytest.mark.parametrize(
    ("kind", "version", "key"),
    [("bed_counted", 4, "event_too_new"), ("bed_counted", 1, "event_too_old"), ("poem", 1, "unknown_event")],
)
def test_what_cannot_be_lifted_is_refused_in_words(bed_event: type[e.Event], kind: str, version: int, key: str):
    (entry,) = MemoryLog().append([replace(draft(kind), version=version)])
    with pytest.raises(RefusedInput) as caught:
        current(entry)
    assert caught.value.key == key and "?" not in caught.value.said("en")


def test_an_event_of_today_is_not_touched():
    (entry,) = MemoryLog().append([draft()])
    assert current(entry) is entry


@pytest.mark.parametrize("file", RELEASED, ids=lambda path: path.stem)
def test_a_log_of_a_released_version_holds_together_and_still_folds(file: Path):
    """A drill's log, written out by that version: the case of one casualty from the call to the signed handover."""
    entries, marks = read_export(file)
    assert list(checked(entries, marks)) == entries and len(entries) > 100 and len(marks) == 2
    picture = fold_all(entries)
    (case,) = (one for one in picture.casualties.values() if one.id.endswith("-A"))
    assert case.stage is Stage.HANDED_OVER and case.hospital == "sgh_south"
    assert {"incident_opened", "destination_chosen", "hold_placed", "handover_signed"} <= {one.kind for one in entries}


@pytest.mark.parametrize("file", RELEASED, ids=lambda path: path.stem)
def test_a_log_of_a_released_version_opens_as_a_book_and_goes_on(file: Path):
    entries, marks = read_export(file)
    log = MemoryLog()
    assert restore(entries, marks, log).fold == hash_of(fold_all(entries))
    book = Book.open(log, JumpClock(START))
    assert hash_of(book.picture) == hash_of(fold_all(entries)) and BY.role == "desk"


@pytest.mark.parametrize("file", RELEASED, ids=lambda path: path.stem)
def test_of_a_whole_case_a_few_kilobytes_stay_in_the_picture(file: Path):
    """A hub that runs for days has thousands: no trend, and none of the ways that were not taken."""
    entries, _ = read_export(file)
    end = next(number for number, one in enumerate(entries) if one.kind == "handover_completed")
    casualty = entries[end].body["casualty"]
    before, after = (len(msgspec.json.encode(fold_all(each).casualties[casualty])) for each in (entries[:end], entries))
    assert after < 5000 < 30_000 < before
