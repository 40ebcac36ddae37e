"""The room's asks as the door serves them: badges, whole consequences in one batch, and what is done by itself."""

from __future__ import annotations

from datetime import timedelta

import pytest
from fastapi.testclient import TestClient
from ward_story import JINSHAN, SONGJIANG, START, after, arrived, expected

from casebook import events as e
from casebook.access import Badge, Gate, Role
from casebook.book import Book
from casebook.clock import JumpClock
from casebook.desks import do_due
from casebook.door import add_asks, make_app
from casebook.log import By, MemoryLog
from hospital_board.app import ASKS, HospitalRoom
from hospital_board.board import STAYS_AFTER_HANDOVER

A = "I1-A"


class Ward:
    """A hub of one room, with a badge for each who may knock."""

    def __init__(self) -> None:
        self.clock = JumpClock(START + timedelta(seconds=410))
        self.book = Book(MemoryLog(), self.clock)
        self.book.picture = expected()
        self.room = HospitalRoom(self.book, self.clock)
        gate = Gate()
        self.tokens = {
            "ward": gate.issue(Badge(Role.ED, "sister Li", hospital=SONGJIANG)),
            "other": gate.issue(Badge(Role.ED, "spy", hospital=JINSHAN)),
            "dispatcher": gate.issue(Badge(Role.DISPATCHER, "desk 1")),
            "crew": gate.issue(Badge(Role.PARAMEDIC, "medic Chen", unit="A01")),
            "director": gate.issue(Badge(Role.DIRECTOR, "director")),
        }
        app = make_app("ward")
        add_asks(app, self.room.asks(), gate, drill=True, done_before=self.book.log.find_asked)
        self.client = TestClient(app)

    def ask(self, name: str, who: str = "ward", key: str = "", **command):
        headers = {"Authorization": f"Bearer {self.tokens[who]}", "Idempotency-Key": key}
        return self.client.post(f"/api/v1/ask/{name}", json={"hospital": SONGJIANG, **command}, headers=headers)

    @property
    def case(self):
        return self.book.picture.casualties[A]


@pytest.fixture
def ward() -> Ward:
    return Ward()


def test_a_ward_works_a_case_from_the_prealert_to_the_bay_and_the_team(ward: Ward):
    assert ward.ask("acknowledge_prealert", casualty=A).status_code == 200
    assert ward.ask("assign_bay", casualty=A, bay="R2").status_code == 200
    assert ward.ask("activate_team", casualty=A, level=1).status_code == 200
    assert ward.ask("report_member", casualty=A, member="anaesthetist", state="coming").status_code == 200
    assert ward.ask("send_message", casualty=A, text="blood is ready").status_code == 200
    assert ward.ask("report_capacity", resource="resus_bay", free=1, total=3).status_code == 200
    assert (ward.case.acknowledged_by, ward.case.bay, ward.case.team_level) == ("sister Li", "R2", 1)
    assert all(entry.by.role == "ed" for entry in ward.book.log.read())


@pytest.mark.parametrize("name", [name for name, (_, roles, _) in ASKS.items() if Role.DISPATCHER not in roles])
@pytest.mark.parametrize("who", ["crew", "dispatcher"])
def test_only_the_ward_works_its_cases(ward: Ward, name: str, who: str):
    assert ward.ask(name, who=who, casualty=A).status_code == 403


def test_a_dispatcher_may_pass_on_what_a_hospital_said_by_telephone(ward: Ward):
    assert ward.ask("report_capacity", who="dispatcher", resource="ct", free=1, total=1).status_code == 200
    assert ward.book.picture.hospitals[SONGJIANG].figures["ct"].by == "dispatcher:desk 1"


def test_a_wards_badge_opens_only_its_own_hospital(ward: Ward):
    before = ward.book.picture
    assert ward.ask("report_capacity", who="other", resource="ct", free=1).status_code == 403
    assert ward.ask("acknowledge_prealert", who="other", casualty=A).status_code == 403
    assert ward.ask("acknowledge_prealert", who="other", hospital=JINSHAN, casualty=A).status_code == 404
    assert ward.book.picture is before


def test_a_director_may_do_everything(ward: Ward):
    assert ward.ask("acknowledge_prealert", who="director", casualty=A).status_code == 200


@pytest.mark.parametrize(
    ("command", "status", "error"),
    [
        ({"resource": "ct", "free": -1}, 422, "impossible_count"),
        ({"resource": "ct", "free": 1.5}, 422, "bad_field"),
        ({"resource": "ct", "free": "two"}, 422, "bad_field"),
        ({"resource": "ct", "freee": 1}, 422, "bad_field"),
        ({"free": 1}, 422, "bad_field"),
        ({"hospital": "nowhere", "resource": "ct", "free": 1}, 403, "not_allowed"),
    ],
)
def test_bad_input_is_refused_with_a_key_and_changes_nothing(ward: Ward, command: dict, status: int, error: str):
    answer = ward.ask("report_capacity", **command)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert ward.book.log.head()[0] == 0


def test_the_same_ask_sent_twice_is_done_once(ward: Ward):
    first = ward.ask("send_message", key="k1", casualty=A, text="hello").json()
    again = ward.ask("send_message", key="k1", casualty=A, text="hello").json()
    assert again == {"repeated": True, "entries": first["entries"]}
    assert len(ward.book.picture.messages) == 1


async def test_what_nobody_answered_is_repeated_by_itself_and_once(ward: Ward):
    for seconds, names in ((49, []), (50, ["prealert_repeated"]), (109, []), (110, ["prealert_escalated"])):
        written = ward.book.log.head()[0]
        ward.clock = ward.book.clock = JumpClock(START + timedelta(seconds=410 + seconds))
        await do_due(ward.book, ward.room)
        await do_due(ward.book, ward.room)
        assert [entry.kind for entry in ward.book.log.read(written)][: len(names)] == names
        assert len(list(ward.book.log.read(written))) == (2 if seconds == 110 else len(names))


def test_vitals_stream_to_the_patients_own_hospital_only(ward: Ward):
    assert ward.room.follows(SONGJIANG)(ward.book.picture) == {A}
    assert ward.room.follows(JINSHAN)(ward.book.picture) == set()


def test_every_ask_stands_in_the_open_api(ward: Ward):
    paths = ward.client.get("/openapi.json").json()["paths"]
    assert {f"/api/v1/ask/{name}" for name in ASKS} <= set(paths)


async def test_a_batch_is_whole_or_not_at_all(ward: Ward):
    """A bay whose slot another hub took in the store is refused, and neither bay nor hold moved."""
    taken = e.HoldPlaced("I9-Z", SONGJIANG, "resus_bay", 2, START + timedelta(hours=2))
    elsewhere = Book(ward.book.log, ward.clock)
    elsewhere.picture = expected()
    state = elsewhere.picture.casualties[A]
    elsewhere.picture.casualties["I9-Z"] = state  # type: ignore[index] - another hub knows a case that this one does not yet
    await elsewhere.write(lambda picture: [taken], By("desk", "other hub"))
    answer = ward.ask("assign_bay", casualty=A, bay="R2")
    assert (answer.status_code, answer.json()["error"]) == (409, "already_held")
    assert ward.case.bay is None and ward.book.log.head()[0] == 1


def test_vitals_stream_no_more_once_the_case_has_left_the_wall(ward: Ward):
    picture = arrived(expected())
    facts = (e.HandoverStarted(A, SONGJIANG), *(e.HandoverSigned(A, side, "x") for side in ("crew", "hospital")))
    picture = after(picture, 1320, *facts, e.HandoverCompleted(A, SONGJIANG))
    over_at = START + timedelta(seconds=1320)
    for now, shown in (
        (over_at + STAYS_AFTER_HANDOVER - timedelta(seconds=1), {A}),
        (over_at + STAYS_AFTER_HANDOVER, set()),
    ):
        room = HospitalRoom(ward.book, JumpClock(now))
        assert room.follows(SONGJIANG)(picture) == shown == set(room.look(SONGJIANG)(picture, now)["cases"])
