"""The words between a vehicle and a hub: read whole or refused; rows acknowledged only after they are in the book."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from casebook_tales import BY, START, kinds, opened
from fastapi import FastAPI, WebSocket
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from starlette.websockets import WebSocketDisconnect

from casebook import events as e
from casebook.access import Badge, Gate, Role
from casebook.book import Book
from casebook.door import admit_socket, make_app
from casebook.errors import RefusedInput
from casebook.link import MAX_BYTES, Hello, Ping, RowsCame, Unread, read_from_vehicle
from casebook.live import Feed
from casebook.log import MemoryLog
from casebook.vehicle_door import serve_vehicle

AT = START.isoformat()


def row(seq: int, **changes: Any) -> dict[str, Any]:
    fact = e.PositionReported("A01", 31.0, 121.0 + seq / 1000)
    at = (START + timedelta(seconds=seq)).isoformat()
    return {"seq": seq, "at": at, "kind": fact.name, "body": e.encode(fact), **changes}


def test_each_word_is_told_apart_by_its_tag():
    assert read_from_vehicle('{"t": "hello", "unit": "A01", "epoch": "e", "next": 3}') == Hello("A01", "e", 3)
    assert read_from_vehicle(b'{"t": "ping", "n": 7}') == Ping(7)
    read = read_from_vehicle(json.dumps({"t": "rows", "epoch": "e", "rows": [row(1)]}))
    assert isinstance(read, RowsCame)
    [one] = Unread(read.rows).read()
    assert (one.at, one.who, one.origin) == (START + timedelta(seconds=1), "", "device")


@pytest.mark.parametrize(
    "raw",
    [
        "", "[]", "{}", '{"t": "poem"}', '{"t": "hello"}', '{"t": "ping", "n": "x"}', '{"t": "ping", "n": NaN}',
        '{"t": "rows", "epoch": "e"}', '{"t": "rows", "epoch": "e", "rows": [}',
        '{"t": "ping", "n": 1' + " " * MAX_BYTES + "}",
        "[" * 100_000,
    ],
)  # fmt: skip
def test_what_is_no_word_of_a_vehicle_is_refused(raw: str):
    with pytest.raises(RefusedInput) as caught:
        read_from_vehicle(raw)
    assert caught.value.facts["where"] == "unit link"


UNREADABLE = [
    [row(1, at="2021-04-18T09:30:00")], [row(1, body=[])], [row(1), {"seq": 2}], {"seq": 1}, 7, None, "rows",
]  # fmt: skip


@pytest.mark.parametrize("rows", UNREADABLE)
def test_rows_that_cannot_be_read_are_refused_when_it_is_their_turn(rows: Any):
    came = read_from_vehicle(json.dumps({"t": "rows", "epoch": "e", "rows": rows}))
    assert isinstance(came, RowsCame)
    with pytest.raises(RefusedInput) as caught:
        Unread(came.rows).read()
    assert caught.value.facts["where"] == "unit link"


@given(st.binary(max_size=80))
def test_no_bytes_do_more_than_be_refused(raw: bytes):
    with pytest.raises(RefusedInput):
        read_from_vehicle(raw)


class Hub:
    """The vehicle's door of a hub, with badges for two vehicles and a ward."""

    def __init__(self, book: Book) -> None:
        self.book, gate = book, Gate()
        self.tokens = {unit: gate.issue(Badge(Role.PARAMEDIC, unit, unit=unit)) for unit in ("A01", "H01")}
        self.tokens["ward"] = gate.issue(Badge(Role.ED, "ward", hospital="songjiang"))
        self.feed = Feed(lambda picture, now: {"units": len(picture.units)}, book.clock)
        self.feed.refresh(book.picture)
        app: FastAPI = make_app("hub")

        @app.websocket("/api/v1/unit")
        async def unit(socket: WebSocket) -> None:
            if badge := await admit_socket(socket, gate):
                await serve_vehicle(socket, badge, self.book, self.feed.subscribe(), drill=True)

        self.client = TestClient(app)

    def connect(self, who: str = "A01"):
        return self.client.websocket_connect(
            "/api/v1/unit", headers={"Authorization": f"Bearer {self.tokens.get(who, who)}"}
        )


@pytest.fixture
async def hub() -> Hub:
    return Hub(await opened(MemoryLog()))


def hear(socket, *wanted: str) -> dict[str, Any]:
    """The next message of one of these kinds; beats and views of the picture come in between."""
    while (message := json.loads(socket.receive_text()))["t"] not in wanted:
        continue
    return message


def greet(socket, unit: str = "A01", epoch: str = "e1") -> dict[str, Any]:
    socket.send_text(json.dumps({"t": "hello", "unit": unit, "epoch": epoch, "next": 1}))
    return hear(socket, "welcome", "refused")


def test_a_vehicle_is_welcomed_with_how_far_its_rows_are_in_the_book(hub: Hub):
    with hub.connect() as socket:
        assert greet(socket) == {
            "t": "welcome",
            "through": 0,
            "now": "2021-04-18T01:30:00Z",
            "rate": 1.0,
            "drill": True,
        }
        assert hear(socket, "snapshot")["view"] == {"units": 2}
        socket.send_text(json.dumps({"t": "rows", "epoch": "e1", "rows": [row(1), row(2)]}))
        assert hear(socket, "ack") == {"t": "ack", "epoch": "e1", "through": 2}
        socket.send_text('{"t": "ping", "n": 5}')
        assert hear(socket, "pong") == {"t": "pong", "n": 5}
    with hub.connect() as socket:
        assert greet(socket)["through"] == 2
    assert kinds(hub.book.log).count("position_reported") == 2


def test_what_is_acknowledged_is_in_the_book_and_a_gap_waits_for_what_is_missing(hub: Hub):
    with hub.connect() as socket:
        greet(socket)
        for batch, through in (([2, 3], 0), ([1], 1), ([1, 2, 3], 3), ([3], 3), ([5], 3), ([], 3)):
            socket.send_text(json.dumps({"t": "rows", "epoch": "e1", "rows": [row(seq) for seq in batch]}))
            assert hear(socket, "ack")["through"] == through == hub.book.log.through("A01", "e1")


@pytest.mark.parametrize(
    "word",
    [
        {"t": "hello", "unit": "H01", "epoch": "e", "next": 1},
        {"t": "ping", "n": 1},
        {"t": "rows", "epoch": "e", "rows": []},
        {"t": "poem"},
    ],
)
def test_who_does_not_say_hello_as_itself_is_refused_in_words_and_sent_away(hub: Hub, word: dict):
    with hub.connect() as socket:
        socket.send_text(json.dumps(word))
        refused = hear(socket, "refused")
        assert refused["error"] in ("not_allowed", "bad_json") and refused["zh"] and refused["en"]
        with pytest.raises(WebSocketDisconnect) as gone:
            hear(socket, "never")
        assert gone.value.code == 4403


@pytest.mark.parametrize("rows", UNREADABLE)
def test_a_vehicle_whose_rows_cannot_be_read_is_refused_in_words_and_what_came_before_them_stays(hub: Hub, rows: Any):
    with hub.connect() as socket:
        greet(socket)
        for batch in ([row(1)], rows):
            socket.send_text(json.dumps({"t": "rows", "epoch": "e1", "rows": batch}))
        assert hear(socket, "ack", "refused")["through"] == 1
        told = hear(socket, "refused")
        assert told["error"] in {"bad_json", "bad_field"} and told["zh"] != told["en"]
    assert kinds(hub.book.log).count("position_reported") == 1


def test_rows_of_another_epoch_than_was_greeted_are_not_taken(hub: Hub):
    with hub.connect() as socket:
        greet(socket)
        socket.send_text(json.dumps({"t": "rows", "epoch": "e2", "rows": [row(1)]}))
        assert hear(socket, "refused", "ack")["t"] == "refused"
    assert hub.book.log.through("A01", "e2") == 0


def test_a_ward_and_an_unknown_token_do_not_get_in_as_a_vehicle(hub: Hub):
    with hub.connect("ward") as socket:
        assert greet(socket)["t"] == "refused"
    with pytest.raises(WebSocketDisconnect), hub.connect("unknown") as socket:
        greet(socket)


async def test_a_vehicle_that_goes_leaves_no_screen_behind(hub: Hub):
    with hub.connect() as socket:
        greet(socket)
        hear(socket, "snapshot")
        assert hub.feed.watched
    assert not hub.feed.watched
    await hub.book.write(lambda picture: [e.UnitAssigned("A01", "I1")], BY)
