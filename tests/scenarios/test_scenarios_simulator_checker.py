"""The judge, on histories written by hand: each promise kept, then broken in one place."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from msgspec import structs

from casebook import events as e
from casebook.drafting import draft_of
from casebook.log import By, Entry, MemoryLog, Source
from casebook.place import Place
from casebook.store.restoring import fold_all, hash_of
from scenarios.simulator.checker import check
from scenarios.simulator.history import (
    Acknowledged,
    Answered,
    Committed,
    Damaged,
    Died,
    Disordered,
    History,
    Leased,
    Put,
    Refused,
    Sampled,
    Screen,
    Vehicle,
    name_of,
)

START = datetime(2026, 1, 5, tzinfo=UTC)
HERE = Place(31.0, 121.0)
DESK = By("desk", "hub")
LATER = START + timedelta(hours=1)
WORLD = (
    e.HospitalEnrolled("city", "院", "city", HERE, ("ct",)),
    e.CapacityReported("city", "resus_bay", 1, 3),
    e.IncidentOpened("I1", HERE, "traffic", 1, "120", ""),
    e.CasualtyFound("I1-A", "I1", "A"),
    e.CasualtyFound("I1-B", "I1", "B"),
    e.UnitEnrolled("A1", "ambulance", "车", "car", "d", HERE),
)
FIX = e.PositionReported("A1", 31.0, 121.0)
FACT = name_of("A1", FIX.name, START, e.encode(FIX))


def a_book(*batches: tuple[e.Event, ...], asked: str = "") -> list[Entry]:
    log = MemoryLog()
    for facts in (WORLD, *batches):
        key = asked if facts is not WORLD else ""
        log.append([draft_of(fact, START, START, DESK, None, key) for fact in facts])
    log.append([draft_of(FIX, START, START, By("paramedic", "A1"), Source("A1", "e1", 1), "")])
    return list(log.read())


def a_history(*batches: tuple[e.Event, ...], asked: str = "") -> History:
    """One vehicle that stored one fact, which is in the book; whatever else the desk wrote."""
    entries = a_book(*batches, asked=asked)
    whole = hash_of(fold_all(entries))
    first, committed = 1, []
    for size in (len(WORLD), *map(len, batches), 1):
        committed.append(Committed(0.0, "A", first, first + size - 1))
        first += size
    return History(
        told=[Put(1.0, "A1", 1, (FACT,), (), "stored"), *committed],
        logs={"A": entries}, pictures={"A": ("A", whole)}, vehicles=[Vehicle("A1", (), 1, 1, 0)], quiet=True,
    )  # fmt: skip


def rules(history: History) -> set[str]:
    return {violation.rule for violation in check(history)}


def test_a_run_in_which_all_went_well_breaks_nothing() -> None:
    assert check(a_history()) == []


def test_a_stored_fact_that_is_nowhere_is_missing() -> None:
    history = a_history()
    history.told.append(Put(2.0, "A1", 1, ("A1 wish_stated ...",), (), "stored"))
    assert "stored_facts" in rules(history)


def test_a_fact_of_which_the_vehicle_never_heard_may_be_there_or_not() -> None:
    history = a_history()
    history.told.append(Put(2.0, "A1", 1, ("A1 wish_stated ...",), ()))
    assert check(history) == []


def test_a_refused_fact_that_is_in_the_book_came_out_of_nothing() -> None:
    history = a_history()
    history.told[0] = replace(history.told[0], outcome="refused")
    assert "stored_facts" in rules(history)


def test_a_damaged_fact_must_be_told_of() -> None:
    history = a_history()
    lost = "A1 wish_stated ..."
    history.told += [Put(2.0, "A1", 1, (lost,), (), "stored"), Damaged(3.0, "A1", lost)]
    history.vehicles = [Vehicle("A1", (), 2, 2, 0)]
    assert rules(history) == {"stored_facts"}
    history.vehicles = [Vehicle("A1", ("A1 outbox_row_corrupt",), 2, 1, 0)]
    assert check(history) == []


def test_an_acknowledgement_ahead_of_the_disk_is_found() -> None:
    history = a_history()
    count = len(history.logs["A"])
    history.told.append(Acknowledged(2.0, "A", "A1", "e1", 1, count, 1))
    assert check(history) == []
    history.told.append(Acknowledged(2.0, "A", "A1", "e1", 1, count - 1, 1))
    assert rules(history) == {"acknowledgements"}


def test_an_acknowledgement_that_another_overtook_is_found() -> None:
    history = a_history()
    last = len(history.logs["A"])
    history.told += [Acknowledged(2.0, "A", "A1", "e1", through, last, link) for through, link in ((1, 1), (0, 2))]
    assert check(history) == []
    history.told.append(Acknowledged(2.0, "A", "A1", "e1", 0, last, 1))
    assert rules(history) == {"order"}


def test_a_message_that_never_came_is_found() -> None:
    history = a_history()
    history.told.append(Disordered(2.0, "wall city", "a message is missing"))
    assert rules(history) == {"order"}


def test_an_answer_must_stand_in_the_log_under_its_key() -> None:
    history = a_history((e.AgencyLinked("I1", "110", ""),), asked="k1")
    seq = len(WORLD) + 1
    history.told.append(Answered(2.0, "A", "desk", "k1", (seq,), seq))
    assert check(history) == []
    history.told.append(Answered(2.0, "A", "desk", "k2", (seq,), seq))
    assert rules(history) == {"answers"}


def test_one_key_is_done_once() -> None:
    history = a_history((e.AgencyLinked("I1", "110", ""),), (e.AgencyLinked("I1", "119", ""),), asked="k1")
    assert "keys" not in rules(history), "one batch after the other at one instant is one batch to the log"
    entries = history.logs["A"]
    later = structs.replace(entries[len(WORLD) + 1], recorded_at=LATER)
    history.logs["A"] = [later if entry.seq == later.seq else entry for entry in entries]
    assert "keys" in rules(history)


def test_a_slot_held_for_two_cases_is_found() -> None:
    holds = tuple(e.HoldPlaced(f"I1-{label}", "city", "resus_bay", 1, LATER) for label in "AB")
    log = a_history((holds[0],))
    log.logs["B"] = a_book((holds[1],))
    log.pictures["B"] = ("B", hash_of(fold_all(log.logs["B"])))
    log.told += [Committed(1.0, "B", 1, len(WORLD)), Committed(2.0, "B", len(WORLD) + 1, len(WORLD) + 1)]
    assert "beds" in rules(log)


def test_sending_somebody_where_all_is_held_is_found_unless_the_store_had_given_the_slot_before() -> None:
    """A hub whose disk was full won a slot, could not write it, and wrote it when another hub had the next one."""
    option = e.Option("city", "road", 60.0, {"drive": 60.0})
    own = (e.DestinationChosen("I1-A", option), e.HoldPlaced("I1-A", "city", "resus_bay", 1, LATER))
    log = a_history(own)
    log.logs["B"] = a_book((e.HoldPlaced("I1-B", "city", "resus_bay", 2, LATER),))
    log.pictures["B"] = ("B", hash_of(fold_all(log.logs["B"])))
    theirs = [Committed(0.0, "B", 1, len(WORLD)), Committed(0.0, "B", len(WORLD) + 1, len(WORLD) + 1)]
    log.told = [*theirs, *log.told]
    assert "beds" in rules(log)
    won = [Leased(0.0, "city", "resus_bay", ("A/I1-A",)), Leased(0.0, "city", "resus_bay", ("A/I1-A", "B/I1-B"))]
    log.told = [*won, *log.told]
    assert "beds" not in rules(log)
    log.told = [won[1], *log.told[2:]]
    assert "beds" in rules(log), "the store gave the slot when the other one was held"


def test_a_count_below_nothing_is_found() -> None:
    assert "beds" in rules(a_history((e.CapacityReported("city", "resus_bay", 4, 3),)))


def test_two_patients_in_a_bay_are_found() -> None:
    option = e.Option("city", "road", 60.0, {"drive": 60.0})
    both = [(e.DestinationChosen(f"I1-{label}", option), e.BayAssigned(f"I1-{label}", "city", "R1")) for label in "AB"]
    assert "patients" not in rules(a_history(both[0]))
    assert "patients" in rules(a_history(*both))


def test_a_screen_that_shows_something_else_is_found() -> None:
    history = a_history()
    history.screens = [Screen("wall", {"cases": 1}, {"cases": 1}, frozenset({"s1"}), frozenset({"s1"}))]
    assert check(history) == []
    history.screens.append(Screen("wall", {"cases": 1}, {"cases": 2}))
    history.screens.append(Screen("wall", {}, {}, frozenset(), frozenset({"s1"})))
    assert [violation.rule for violation in check(history)] == ["screens", "screens"]


def test_a_sample_may_vanish_only_with_its_vehicle() -> None:
    history = a_history()
    history.told.append(Sampled(10.0, "A1", 1, "A1 vitals_recorded ..."))
    assert rules(history) == {"ledger"}
    history.told.append(Died(10.1, "A1", 1))
    assert check(history) == []
    history.told[-1] = Died(20.0, "A1", 1)
    assert rules(history) == {"ledger"}


def test_a_vehicle_that_counts_wrong_is_found() -> None:
    history = a_history()
    history.vehicles = [Vehicle("A1", (), 2, 2, 0)]
    assert rules(history) == {"ledger"}
    history.vehicles = [Vehicle("A1", (), 1, 0, 0)]
    assert rules(history) == {"ledger"}


def test_a_hub_that_starts_on_an_altered_log_is_found() -> None:
    history = a_history()
    history.told.append(Refused(1.0, "A", altered=3, named=3))
    assert check(history) == []
    history.told.append(Refused(1.0, "A", altered=3, named=0))
    assert rules(history) == {"starts"}


def test_a_picture_that_is_not_the_logs_is_found() -> None:
    history = a_history()
    history.pictures["A"] = ("A", "another")
    assert rules(history) == {"chains"}


def test_a_chain_with_a_gap_is_found() -> None:
    history = a_history()
    first, _, *others = history.logs["A"]
    history.logs["A"] = [first, *others]
    assert "chains" in rules(history)


def test_unrest_is_found() -> None:
    history = a_history()
    history.quiet = False
    history.surprises = ["KeyError"]
    assert [violation.rule for violation in check(history)] == ["rest", "rest"]
