"""Choosing, cancelling and starting again in whatever order: on a real book, the bays add up and the file agrees."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from test_dispatch_desk import Desk
from valley import SCENE, SEVERE, enrolled, reported, valley_area

from casebook import events as e
from casebook.book import Book
from casebook.capacity import Hold
from casebook.casualty import Category, Stage
from casebook.errors import CoordinationError
from casebook.log import By
from casebook.sqlite_log import SqliteLog
from casebook.steps import Duty
from casebook.store.restoring import hash_of
from dispatch.app import DispatchRoom
from routing.roads import Roadmap

ID = "20210418-001"
CREWS = {"A": "A1", "B": "A2", "C": "A3"}
CASES = tuple(f"{ID}-{label}" for label in CREWS)
HOSPITALS = ("city", "mill", "quarry")
cases, hospitals = st.sampled_from(CASES), st.sampled_from(HOSPITALS)


def three_cases() -> list[e.Event]:
    facts: list[e.Event] = [e.IncidentOpened(ID, SCENE, "traffic", 1, "120", "three cars")]
    for unit in CREWS.values():
        facts += [e.UnitAssigned(unit, ID), e.UnitEnRoute(unit), e.UnitOnScene(unit)]
    for label, unit in CREWS.items():
        id = f"{ID}-{label}"
        facts += [e.CasualtyFound(id, ID, label, 42.0, "m"), e.UnitAtPatient(unit, id)]
        facts += [e.CasualtyTriaged(id, "start", Category.RED, unit), e.FindingsRecorded(id, SEVERE)]
    return facts


class ChoosingLaws(RuleBasedStateMachine):
    """Three red casualties, three hospitals with a bay or none. `roads`: set by the test."""

    roads: Roadmap

    def __init__(self) -> None:
        super().__init__()
        self.folder, self.runner = tempfile.TemporaryDirectory(), asyncio.Runner()
        self.file = Path(self.folder.name) / "book.sqlite"
        self.desk = Desk(self.roads, *enrolled(), *reported(1), *three_cases())
        self.desk.book = Book.open(SqliteLog(self.file), self.desk.clock)
        self.runner.run(self.desk.open())

    def ask(self, name: str, **fields: Any) -> bool:
        """Whether it was done; a refusal changed nothing but what it told."""
        try:
            self.runner.run(self.desk.ask(name, **fields))
        except CoordinationError as wrong:
            assert "?" not in wrong.said("zh") and wrong.http_status < 500
            return False
        return True

    @rule(case=cases)
    def propose(self, case: str) -> None:
        self.ask("propose_destination", casualty=case)

    @rule(case=cases)
    def say_yes(self, case: str) -> None:
        if self.ask("choose_destination", casualty=case):
            self.has_its_bay(case)

    @rule(case=cases, hospital=hospitals)
    def send_elsewhere(self, case: str, hospital: str) -> None:
        if self.ask("choose_destination", casualty=case, hospital=hospital, override_reason="known there"):
            assert self.desk.picture.get_casualty(case).hospital == hospital

    @rule(case=cases)
    def cancel(self, case: str) -> None:
        """The casualty is no longer ours: gone, or handed to somebody else."""
        self.happen(e.CasualtyClosed(case, "left_scene"))

    @rule(hospital=hospitals, free=st.integers(0, 2))
    def report(self, hospital: str, free: int) -> None:
        self.happen(e.CapacityReported(hospital, "resus_bay", free, 4))

    @rule(case=cases)
    def the_crew_leaves(self, case: str) -> None:
        unit = CREWS[case[-1]]
        if self.desk.picture.get_unit(unit).duty is Duty.AT_PATIENT:
            self.happen(e.CasualtyBoarded(case, unit), e.UnitLeftScene(unit))

    @rule(seconds=st.sampled_from([1.0, 90.0, 1200.0]))
    def time_passes(self, seconds: float) -> None:
        self.desk.pass_s(seconds)

    @rule()
    def the_desks_look(self) -> None:
        self.runner.run(self.desk.react())

    @rule()
    def the_hub_starts_again(self) -> None:
        before = self.desk.picture
        self.desk.book.log.close()
        self.desk.book = Book.open(SqliteLog(self.file), self.desk.clock)
        self.desk.room = DispatchRoom(self.desk.book, self.desk.clock, self.roads, valley_area(), threaded=False)
        self.desk._asks = {ask.name: ask for ask in self.desk.room.asks()}
        assert hash_of(self.desk.picture) == hash_of(before)

    def happen(self, *facts: e.Event) -> None:
        with contextlib.suppress(CoordinationError):
            self.runner.run(self.desk.book.write(lambda picture: facts, By("desk", "test")))

    def has_its_bay(self, case: str) -> None:
        state, held = self.desk.picture.get_casualty(case), self.desk.picture.find_hold(case)
        assert held is None or held.hospital == state.hospital

    def in_force(self) -> list[Hold]:
        now = self.desk.clock.now()
        return [hold for hold in self.desk.picture.holds.values() if hold.until > now]

    @invariant()
    def nobody_holds_two_bays_and_no_bay_has_two(self) -> None:
        held = [(hold.casualty, hold.resource) for hold in self.in_force()]
        assert len(set(held)) == len(held)
        slots = [(hold.hospital, hold.resource, hold.slot) for hold in self.in_force()]
        assert len(set(slots)) == len(slots)

    @invariant()
    def a_bay_is_held_where_its_casualty_goes(self) -> None:
        for hold in self.in_force():
            state = self.desk.picture.get_casualty(hold.casualty)
            assert (state.hospital == hold.hospital and state.stage is not Stage.CLOSED) or self.owed(hold)

    def owed(self, hold: Hold) -> bool:
        """A closed case's bay is given back at the desks' next look."""
        return self.desk.picture.get_casualty(hold.casualty).stage is Stage.CLOSED

    @invariant()
    def the_file_says_the_same_of_who_holds_what(self) -> None:
        with sqlite3.connect(f"file:{self.file}?mode=ro", uri=True) as db:
            found = db.execute(
                "SELECT key, holder FROM claim WHERE key NOT LIKE 'unit:%' AND until > ?", (self._now(),)
            )
            claims = dict(found.fetchall())
        db.close()
        assert claims == {hold.key: hold.casualty for hold in self.in_force()}

    def _now(self) -> str:
        return self.desk.clock.now().isoformat(timespec="microseconds")

    def teardown(self) -> None:
        self.desk.pass_s(1.0)
        self.runner.run(self.desk.react())
        assert not any(self.owed(hold) for hold in self.in_force())
        self.desk.book.log.close()
        self.runner.close()
        self.folder.cleanup()


def test_whatever_is_chosen_and_cancelled_the_bays_add_up(valley: Roadmap):
    ChoosingLaws.roads = valley
    bounded = settings(
        max_examples=12, stateful_step_count=20, deadline=None, derandomize=True, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    run_state_machine_as_test(ChoosingLaws, settings=bounded)
