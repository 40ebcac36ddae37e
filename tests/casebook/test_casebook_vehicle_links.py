"""Version 2 of a vehicle's link, and who may speak as a vehicle: one device each, no old capture, two are found out."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from casebook_tales import START, kinds, opened
from fastapi import FastAPI, WebSocket
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from casebook import events as e
from casebook.access import Badge, Gate, Role
from casebook.clock import JumpClock
from casebook.door import admit_socket, make_app
from casebook.errors import FeedLost, NotAllowed, RefusedInput
from casebook.link import MAX_LANES, OutboxRow, mark_of, read_from_vehicle
from casebook.live import Feed
from casebook.log import MemoryLog
from casebook.vehicle_door import serve_vehicle
from casebook.vehicle_links import VehicleLinks


def row(seq: int) -> dict[str, Any]:
    fact = e.PositionReported("A01", 31.0, 121.0 + seq / 1000)
    return {"seq": seq, "at": START.isoformat(), "kind": fact.name, "body": e.encode(fact)}


class Hub:
    def __init__(self, book) -> None:
        self.book, gate = book, Gate()
        self.token = gate.issue(Badge(Role.PARAMEDIC, "A01", unit="A01"))
        self.feed = Feed(lambda picture, now: {}, book.clock)
        self.feed.refresh(book.picture)
        self.links = VehicleLinks(book.clock, twin_wait_s=30.0, under_way_s=0.0)
        app: FastAPI = make_app("hub")

        @app.websocket("/api/v1/unit")
        async def unit(socket: WebSocket) -> None:
            if badge := await admit_socket(socket, gate):
                await serve_vehicle(socket, badge, book, self.feed.subscribe(), drill=True, links=self.links)

        self.client = TestClient(app)

    def connect(self):
        return self.client.websocket_connect("/api/v1/unit", headers={"Authorization": f"Bearer {self.token}"})


@pytest.fixture
async def hub() -> Hub:
    return Hub(await opened(MemoryLog()))


def say(socket, message: dict[str, Any]) -> None:
    socket.send_text(json.dumps(message))


def hear(socket, *wanted: str) -> dict[str, Any]:
    while (message := json.loads(socket.receive_text()))["t"] not in wanted:
        continue
    return message


def greet(socket, boot: str = "b1", **lanes: int) -> dict[str, Any]:
    say(socket, {"t": "hello", "unit": "A01", "epoch": "main", "next": 1, "version": 2, "boot": boot, "lanes": lanes})
    return hear(socket, "welcome", "refused")


def test_each_lane_is_acknowledged_by_itself_and_greeted_with_how_far_it_is(hub: Hub):
    with hub.connect() as socket:
        welcome = greet(socket, live=1)
        assert (welcome["version"], welcome["through"], welcome["lanes"], welcome["last"]) == (2, 0, {"live": 0}, {})
        for epoch, seqs, through in (("live", [1, 2], 2), ("main", [1], 1), ("begun_later", [1], 1), ("live", [4], 2)):
            say(socket, {"t": "rows", "epoch": epoch, "rows": [row(seq) for seq in seqs], "link": welcome["link"]})
            assert hear(socket, "ack", "refused") == {"t": "ack", "epoch": epoch, "through": through}
    with hub.connect() as socket:
        welcome = greet(socket, live=3, begun_later=2, unknown=1)
        assert (welcome["through"], welcome["lanes"]) == (1, {"live": 2, "begun_later": 1, "unknown": 0})
    assert kinds(hub.book.log).count("position_reported") == 4


def test_the_welcome_tells_what_the_last_row_was_so_that_a_copied_outbox_is_known(hub: Hub):
    with hub.connect() as socket:
        link = greet(socket)["link"]
        say(socket, {"t": "rows", "epoch": "main", "rows": [row(1), row(2)], "link": link})
        hear(socket, "ack")
    with hub.connect() as socket:
        last = greet(socket)["last"]
    ours = OutboxRow(2, START, "position_reported", row(2)["body"])
    assert last == {"main": mark_of(ours)}
    assert mark_of(OutboxRow(2, START, "position_reported", row(3)["body"])) != last["main"]


def test_rows_captured_on_an_earlier_connection_are_refused_and_counted(hub: Hub):
    with hub.connect() as socket:
        captured = {"t": "rows", "epoch": "main", "rows": [row(1)], "link": greet(socket)["link"]}
    with hub.connect() as socket:
        greet(socket)
        say(socket, captured)
        assert hear(socket, "refused", "ack")["error"] == "link_replayed"
    assert hub.links.replays == 1
    assert "position_reported" not in kinds(hub.book.log)


def test_a_hub_that_can_keep_nothing_now_ends_the_link_and_refuses_nobody(hub: Hub, monkeypatch: pytest.MonkeyPatch):
    """A refusal would keep the vehicle away for half a minute after the disk has room again."""

    def full(drafts: object) -> None:
        raise FeedLost("log_silent", where="book", why="disk full")

    monkeypatch.setattr(hub.book.log, "append", full)
    with hub.connect() as socket:
        link = greet(socket)["link"]
        say(socket, {"t": "rows", "epoch": "main", "rows": [row(1)], "link": link})
        with pytest.raises(WebSocketDisconnect) as gone:
            hear(socket, "ack", "refused")
        assert gone.value.code == 1013


def test_a_binary_message_is_read_as_text_and_one_that_is_none_is_refused(hub: Hub):
    with hub.connect() as socket:
        greet(socket)
        socket.send_bytes(b'{"t":"ping","n":7}')
        assert hear(socket, "pong")["n"] == 7
        socket.send_bytes(b"\xff\xfe")
        assert hear(socket, "refused")["error"] == "bad_json"


@pytest.mark.parametrize(
    "changes",
    [
        {"epoch": "e" * 65},
        {"lanes": {str(n): 1 for n in range(MAX_LANES + 1)}},
        {"lanes": {"e": "x"}},
        {"version": "2"},
    ],
)
def test_a_hello_beyond_its_bounds_is_refused(changes: dict[str, Any]):
    hello = {"t": "hello", "unit": "A01", "epoch": "e", "next": 1, "version": 2, "lanes": {}}
    with pytest.raises(RefusedInput):
        read_from_vehicle(json.dumps(hello | changes))


def test_the_same_device_takes_the_place_of_its_old_connection_at_once(hub: Hub):
    with hub.connect() as old:
        greet(old, boot="b1")
        with hub.connect() as new:
            assert greet(new, boot="b1")["t"] == "welcome"
            with pytest.raises(WebSocketDisconnect) as gone:
                hear(old, "never")
            assert gone.value.code == 4409
            say(new, {"t": "ping", "n": 1})
            assert hear(new, "pong")["n"] == 1
        assert not hub.links.twins


# --- who may speak


@pytest.fixture
def links() -> VehicleLinks:
    return VehicleLinks(JumpClock(START), twin_wait_s=30.0, under_way_s=0.0)


async def test_a_second_device_is_refused_while_the_first_is_heard_and_both_are_told(links: VehicleLinks):
    first = await links.admit("A01", "b1")
    second = asyncio.ensure_future(links.admit("A01", "b2"))
    while not second.done():
        first.hear()
        await asyncio.sleep(0)
    with pytest.raises(NotAllowed) as caught:
        await second
    assert caught.value.key == "unit_twin" and caught.value.said("zh") and caught.value.said("en")
    assert first.notices.get_nowait() == {"t": "twin", "at": START}
    assert (links.twins["A01"].at, links.twins["A01"].times) == (START, 1)
    assert links.connected == ["A01"] and links.lately_twins() == {"A01": 1.0}
    links._clock = JumpClock(START + timedelta(minutes=11))
    assert links.lately_twins() == {} and links.twins


async def test_what_a_device_said_before_it_died_does_not_keep_it_out_when_it_has_begun_anew():
    links = VehicleLinks(JumpClock(START), twin_wait_s=0.2, under_way_s=0.0)
    before = await links.admit("A01", "b1")
    anew = asyncio.ensure_future(links.admit("A01", "b2"))
    await asyncio.sleep(0)
    before.hear()  # was still under way
    assert (await anew).boot == "b2" and not links.twins


async def test_a_second_device_gets_in_when_the_first_leaves(links: VehicleLinks):
    first = await links.admit("A01", "b1")
    second = asyncio.ensure_future(links.admit("A01", "b2"))
    await asyncio.sleep(0)
    links.leave(first)
    assert (await second).boot == "b2"
    assert not links.twins and links.connected == ["A01"]


async def test_a_second_device_gets_in_when_the_first_is_silent():
    links = VehicleLinks(JumpClock(START), twin_wait_s=0.0)
    first = await links.admit("A01", "b1")
    second = await links.admit("A01", "b2")
    assert first.notices.get_nowait() is None  # make way
    links.leave(first)
    assert links.connected == ["A01"] and second.link != first.link
    links.leave(second)
    assert links.connected == []


async def test_units_do_not_stand_in_each_others_way(links: VehicleLinks):
    await links.admit("A01", "b1")
    await links.admit("H01", "b2")
    assert links.connected == ["A01", "H01"]
