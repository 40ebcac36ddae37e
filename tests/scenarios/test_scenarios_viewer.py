"""The screen without a face follows a ward's feed, counts each sample once, and asks again when it missed something."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import websockets

from casebook.clock import RateClock
from scenarios.socket_stage import Doorway
from scenarios.viewer import LATE_S, BoardViewer, SeenVitals

START = datetime(2021, 4, 18, 1, 30, tzinfo=UTC)


def sample(seq: int, at: datetime = START) -> dict[str, Any]:
    return {"unit": "U1", "epoch": "e", "seq": seq, "casualty": "A", "at": at.isoformat(), "vitals": {"hr_bpm": 90}}


def test_a_sample_counts_once_however_often_it_comes():
    seen = SeenVitals()
    for one in (1, 2, 2, 1):
        seen.add(sample(one), START, 1.0, live=True)
    assert len(seen.rows) == 2
    assert len(seen.delays_s) == 2
    assert seen.first_at == START


def test_late_is_measured_on_the_wall_whatever_the_rate():
    seen = SeenVitals()
    minute = START + timedelta(seconds=60)
    seen.add(sample(1), minute, 60.0, live=True)
    assert (seen.delays_s, seen.late) == ([1.0], 0)
    seen.add(sample(2), START + timedelta(seconds=LATE_S + 1), 1.0, live=True)
    assert seen.late == 1


def test_what_comes_along_with_a_new_casualty_is_no_delay():
    seen = SeenVitals()
    seen.add(sample(1), START + timedelta(hours=1), 1.0, live=False)
    assert (len(seen.rows), seen.delays_s) == (1, [])


Script = Callable[[websockets.ServerConnection], Any]


async def watched(script: Script, until: Callable[[BoardViewer], bool]) -> tuple[BoardViewer, list[dict[str, Any]]]:
    """A viewer on a real socket whose other end plays `script`; gives it and what it sent."""
    heard: list[dict[str, Any]] = []
    reached = asyncio.Event()

    async def serve(socket: websockets.ServerConnection) -> None:
        assert socket.request is not None
        assert socket.request.path == "/api/v1/live/wall/sgh_south"
        assert socket.request.headers["Authorization"] == "Bearer secret"
        talk = asyncio.ensure_future(script(socket))
        with contextlib.suppress(websockets.ConnectionClosed):
            async for raw in socket:
                heard.append(msgspec.json.decode(raw))
                reached.set()
        talk.cancel()

    async with websockets.serve(serve, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        clock = RateClock(START, 1.0)
        viewer = BoardViewer(
            Doorway(f"http://127.0.0.1:{port}", "secret"), "sgh_south", clock, lambda view: reached.set()
        )
        watching = asyncio.create_task(viewer.run())
        async with asyncio.timeout(20):
            while not until(viewer):
                await reached.wait()
                reached.clear()
        watching.cancel()
    return viewer, heard


def sending(*messages: dict[str, Any]) -> Script:
    async def talk(socket: websockets.ServerConnection) -> None:
        for message in messages:
            await socket.send(msgspec.json.encode(message).decode())

    return talk


async def test_a_snapshot_and_its_changes_make_the_view_and_every_sample_is_answered_for():
    viewer, heard = await watched(
        sending(
            {"t": "snapshot", "v": 1, "view": {"cases": {"A": {"bay": "R1"}}}, "samples": [sample(1)]},
            {
                "t": "delta",
                "v": 2,
                "patch": {"cases": {"A": {"bay": None, "stage": "arrived"}}},
                "samples": [sample(2)],
            },
            {"t": "delta", "v": 3, "patch": {"last": True}},
        ),
        lambda viewer: viewer.view.get("last", False),
    )
    assert viewer.view == {"cases": {"A": {"stage": "arrived"}}, "last": True}
    assert viewer.vitals.rows == {("U1", "e", 1), ("U1", "e", 2)}
    assert viewer.snapshots == 1
    assert {"t": "shown", "rows": [["U1", "e", 1]]} in heard


async def test_a_gap_in_the_numbers_asks_for_a_new_snapshot_and_shows_nothing_of_it():
    viewer, heard = await watched(
        sending(
            {"t": "snapshot", "v": 1, "view": {"a": 1}},
            {"t": "delta", "v": 3, "patch": {"a": 3}},
            {"t": "snapshot", "v": 4, "view": {"a": 4}},
        ),
        lambda viewer: viewer.snapshots == 2,
    )
    assert viewer.view == {"a": 4}
    assert {"t": "resync"} in heard or heard == [], "the request may still be on its way when the drill ends"


async def test_a_hub_that_hangs_up_is_called_again():
    async def hang_up(socket: websockets.ServerConnection) -> None:
        await sending({"t": "snapshot", "v": 1, "view": {"a": 1}})(socket)
        await socket.close()

    viewer, _ = await watched(hang_up, lambda viewer: viewer.snapshots >= 2)
    assert viewer.view == {"a": 1}
