"""The stage of a real drill: asks through doors, waits for a hub that is down, and reads every entry once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec
import pytest
import websockets

from casebook.errors import CoordinationError, FeedLost
from casebook.log import By, Entry
from scenarios import socket_stage
from scenarios.socket_stage import Doorway, SocketStage, answer_of, patiently

START = datetime(2021, 4, 18, 1, 30, tzinfo=UTC)


async def no_fault(name: str) -> None:
    raise AssertionError(name)


def stage_over(handler: Any, url: str = "http://hub") -> SocketStage:
    client = httpx.AsyncClient(transport=httpx.MockTransport(handler))
    return SocketStage({"dispatcher": Doorway(url, "t1"), "director": Doorway(url, "t0")}, client, no_fault)


async def test_an_ask_goes_to_its_door_with_token_instant_and_key():
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"entries": [7]})

    given = await stage_over(answer).ask("dispatcher", "close_incident", {"incident": "I1"}, START, "key-1")
    assert given == {"entries": [7]}
    (request,) = seen
    assert str(request.url) == "http://hub/api/v1/ask/close_incident"
    assert request.headers["Authorization"] == "Bearer t1"
    assert request.headers["Idempotency-Key"] == "key-1"
    assert datetime.fromisoformat(request.headers["Aboard-At"]) == START
    assert msgspec.json.decode(request.content) == {"incident": "I1"}


def test_a_refusal_rises_with_its_key_and_facts():
    told = httpx.Response(
        404, json={"error": "not_found", "facts": {"what": "casualty", "id": "X"}, "zh": "", "en": ""}
    )
    with pytest.raises(CoordinationError) as caught:
        answer_of(told)
    assert (caught.value.key, caught.value.facts) == ("not_found", {"what": "casualty", "id": "X"})


def test_an_answer_without_words_is_an_unexpected_error_and_an_empty_one_is_nothing():
    with pytest.raises(CoordinationError) as caught:
        answer_of(httpx.Response(502, text="bad gateway"))
    assert caught.value.key == "unexpected"
    assert answer_of(httpx.Response(204)) == {}


async def test_a_hub_that_is_down_is_asked_again_with_the_same_key(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(socket_stage, "PAUSE_S", 0.001)
    keys: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["Idempotency-Key"])
        if len(keys) < 4:
            raise httpx.ConnectError("down", request=request)
        return httpx.Response(200, json={})

    await stage_over(answer).ask("dispatcher", "close_incident", {}, START, "one")
    assert keys == ["one"] * 4


async def test_a_hub_that_stays_down_is_a_lost_feed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(socket_stage, "PAUSE_S", 0.001)
    monkeypatch.setattr(socket_stage, "PATIENCE_S", 0.01)
    tries: list[int] = []

    async def down() -> None:
        tries.append(1)
        raise httpx.ConnectError("down")

    with pytest.raises(FeedLost):
        await patiently(down, "hub")
    assert tries


async def test_a_hub_that_takes_a_call_and_never_answers_is_a_lost_feed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(socket_stage, "PATIENCE_S", 0.01)

    async def silent() -> None:
        await asyncio.Event().wait()

    with pytest.raises(FeedLost):
        await patiently(silent, "hub")


async def test_entries_come_once_and_in_order_across_a_restart():
    book = [Entry(n, "drill_ended", 1, {}, START, START, By("director", "d")) for n in range(1, 8)]
    calls: list[str] = []

    async def serve(socket: websockets.ServerConnection) -> None:
        assert socket.request is not None
        calls.append(socket.request.path)
        after = int(socket.request.path.rpartition("=")[2])
        for entry in book[after : after + 3]:
            await socket.send(msgspec.json.encode(entry))
        await socket.close()  # killed after three

    async with websockets.serve(serve, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        stage = stage_over(lambda request: httpx.Response(500), f"http://127.0.0.1:{port}")
        came: list[int] = []
        async with asyncio.timeout(20):
            async for entry in stage.entries():
                came.append(entry.seq)
                if entry.seq == 7:
                    break
    assert came == [1, 2, 3, 4, 5, 6, 7]
    assert [path.rpartition("=")[2] for path in calls] == ["0", "3", "6"]
