"""The link to the hub, over real sockets: dropped connections, repeats, a hub that dies before it acknowledges."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit_fakes import START, SocketHub, until

from ambulance_unit import hub_link
from ambulance_unit.hub_link import HubLink, pause_s
from ambulance_unit.link_state import LATE_S, LOST_S, LinkState
from ambulance_unit.outbox import Outbox, Record
from ambulance_unit.scribe import Scribe
from ambulance_unit.told_view import Gap, ToldView
from casebook.clock import WallClock
from casebook.link import MAX_ROWS


def readings(first: int, count: int) -> list[Record]:
    return [
        Record(START + timedelta(seconds=n), "vitals_recorded", {"casualty": "I1-A", "unit": "A01", "n": n})
        for n in range(first, first + count)
    ]


class Vehicle:
    """A scribe and a link on a folder of their own."""

    def __init__(self, folder: Path, hub: SocketHub, token: str = "right", outbox: type[Outbox] = Outbox) -> None:
        self.scribe = Scribe(outbox(folder / "outbox.db"))
        self.told = ToldView(folder / "view.json")
        self.link = HubLink(
            hub.url, token, "A01", self.scribe, self.told, WallClock(), rng=random.Random(1), refused_pause_s=0.2
        )

    async def put(self, first: int, count: int) -> None:
        await self.scribe.put(readings(first, count))
        self.link.wake()

    @property
    def waiting(self) -> int:
        return self.scribe.outbox.counts.waiting

    @contextlib.asynccontextmanager
    async def running(self):
        task = asyncio.create_task(self.link.run())
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await self.scribe.close()


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_link, "PAUSE_S", 0.01)
    monkeypatch.setattr(hub_link, "PAUSE_S_MAX", 0.05)


async def test_what_waits_reaches_the_hub_in_order_and_is_then_deleted(tmp_path: Path):
    async with SocketHub().open() as hub, Vehicle(tmp_path, hub).running() as vehicle:
        await vehicle.put(0, 3)
        await vehicle.put(3, 4)
        await until(lambda: vehicle.waiting == 0 and len(hub.rows()) == 7)
        assert hub.rows() == list(range(7))
        assert vehicle.link.as_view()["state"] == "connected"


async def test_readings_taken_while_offline_arrive_once_and_in_order(tmp_path: Path):
    hub = SocketHub()
    async with hub.open(), Vehicle(tmp_path, hub).running() as vehicle:
        await vehicle.put(0, 5)
        await until(lambda: vehicle.waiting == 0)
    async with contextlib.AsyncExitStack() as stack:
        vehicle = await stack.enter_async_context(Vehicle(tmp_path, hub).running())
        await vehicle.put(5, 1200)  # the hub is not there
        assert vehicle.waiting == 1200
        await stack.enter_async_context(hub.open())
        await until(lambda: vehicle.waiting == 0)
    assert hub.rows() == list(range(1205))
    assert hub.biggest == MAX_ROWS
    assert hub.taken_again == 0


async def test_a_hub_that_dies_after_taking_but_before_acknowledging_gets_no_row_twice(tmp_path: Path):
    hub = SocketHub(die_before_ack=3)
    async with hub.open(), Vehicle(tmp_path, hub).running() as vehicle:
        for first in range(0, 50, 10):
            await vehicle.put(first, 10)
            await until(lambda: vehicle.waiting == 0)
    assert hub.rows() == list(range(50))
    assert hub.connections == 4
    assert hub.taken_again == 0  # the welcome said how far the book was


async def test_many_rows_are_in_flight_without_waiting_for_each_acknowledgement(tmp_path: Path):
    hub = SocketHub()
    async with hub.open(), Vehicle(tmp_path, hub).running() as vehicle:
        for first in range(0, 5 * MAX_ROWS, MAX_ROWS):
            await vehicle.put(first, MAX_ROWS)
        await until(lambda: vehicle.waiting == 0)
        assert vehicle.link.sent == 5 * MAX_ROWS
    assert hub.rows() == list(range(5 * MAX_ROWS))


async def test_the_tablet_keeps_the_last_view_when_the_hub_is_gone_and_after_a_restart(tmp_path: Path):
    hub = SocketHub(view={"unit": {"duty": "assigned"}, "casualties": {}})
    async with hub.open(), Vehicle(tmp_path, hub).running() as vehicle:
        await until(lambda: bool(vehicle.told.view))
        await hub.tell_all({"t": "delta", "v": 2, "patch": {"unit": {"duty": "en_route"}, "casualties": None}})
        await until(lambda: vehicle.told.view["unit"]["duty"] == "en_route")
        assert "casualties" not in vehicle.told.view
    restarted = ToldView(tmp_path / "view.json")
    assert restarted.view == {"unit": {"duty": "en_route"}}
    assert restarted.at == START


class SlowDisk(Outbox):
    """An outbox whose acknowledgements wait until the disk is free."""

    def __init__(self, file: Path) -> None:
        super().__init__(file)
        self.free = threading.Event()
        self.commits = 0

    def acknowledge(self, epoch: str, through: int) -> int:
        if through > 0:
            self.free.wait(10)
            self.commits += 1
        return super().acknowledge(epoch, through)


async def test_a_slow_disk_does_not_make_the_view_old_and_acknowledgements_are_gathered(tmp_path: Path):
    hub = SocketHub(view={"n": 1})
    async with hub.open():
        vehicle = Vehicle(tmp_path, hub, outbox=SlowDisk)
        disk = vehicle.scribe.outbox
        assert isinstance(disk, SlowDisk)
        async with vehicle.running():
            await until(lambda: vehicle.told.view == {"n": 1})
            await vehicle.put(0, 1)
            await until(lambda: len(hub.rows()) == 1)
            through = 1
            for n in range(2, 40):
                await hub.tell_all({"t": "ack", "epoch": disk.epoch, "through": through})
                await hub.tell_all({"t": "delta", "v": n, "patch": {"n": n}})
            await until(lambda: vehicle.told.view == {"n": 39})
            assert vehicle.waiting == 1  # the disk has not let go of it yet
            disk.free.set()
            await until(lambda: vehicle.waiting == 0)
            assert disk.commits <= 3


async def test_a_gap_in_the_deltas_is_healed_by_a_new_snapshot(tmp_path: Path):
    hub = SocketHub(view={"n": 1})
    async with hub.open(), Vehicle(tmp_path, hub).running() as vehicle:
        await until(lambda: vehicle.told.view == {"n": 1})
        hub.view = {"n": 9}
        await hub.tell_all({"t": "delta", "v": 5, "patch": {"n": 5}})
        await until(lambda: vehicle.told.view == {"n": 9})
        assert hub.connections == 2


async def test_a_refused_token_is_shown_and_not_retried_hot(tmp_path: Path):
    hub = SocketHub()
    async with hub.open(), Vehicle(tmp_path, hub, token="wrong").running() as vehicle:
        vehicle.link._refused_pause_s = 60.0
        await vehicle.put(0, 1)
        await until(lambda: vehicle.link.as_view()["state"] == "refused")
        assert vehicle.link.as_view()["refusal"]["error"] == "unknown_token"
        assert vehicle.link.as_view()["refusal"]["zh"]
        assert vehicle.waiting == 1  # and nothing is lost
    assert hub.connections == 0


async def test_a_hub_that_takes_us_for_another_unit_is_shown_with_its_own_words(tmp_path: Path):
    words = {"error": "not_allowed", "facts": {"needs": "unit A02"}, "zh": "无权", "en": "You may not"}
    hub = SocketHub(refuse=words)
    async with hub.open(), Vehicle(tmp_path, hub).running() as vehicle:
        await until(lambda: vehicle.link.as_view()["state"] == "refused")
        assert vehicle.link.as_view()["refusal"] == words
        hub.refuse = None
        await until(lambda: vehicle.link.as_view()["state"] == "connected")
        assert vehicle.link.as_view()["refusal"] is None


async def test_a_hub_that_falls_silent_is_left_and_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(hub_link, "LOST_S", 0.1)
    hub = SocketHub(mute=True)
    async with hub.open(), Vehicle(tmp_path, hub).running():
        await until(lambda: hub.connections >= 3)


@pytest.mark.parametrize("nonsense", ['{"t":"ack"}', "[1,2]", "not json", '{"t":"delta","v":2}', '{"t":"snapshot"}'])
async def test_a_hub_that_talks_nonsense_is_a_lost_link_not_a_dead_agent(tmp_path: Path, nonsense: str):
    hub = SocketHub()
    async with hub.open(), Vehicle(tmp_path, hub).running() as vehicle:
        await until(lambda: vehicle.link.connections == 1 and len(hub.sockets) == 1)
        for socket in list(hub.sockets):
            await socket.send(nonsense)
        await until(lambda: vehicle.link.connections == 2)
        await vehicle.put(0, 2)
        await until(lambda: vehicle.waiting == 0)
    assert hub.rows() == [0, 1]


async def test_words_of_a_newer_hub_are_passed_over(tmp_path: Path):
    hub = SocketHub(view={"n": 1})
    async with hub.open(), Vehicle(tmp_path, hub).running() as vehicle:
        await until(lambda: vehicle.told.view == {"n": 1})
        await hub.tell_all({"t": "song", "text": "la"})
        await hub.tell_all({"t": "beat", "v": 1})
        await vehicle.put(0, 1)
        await until(lambda: vehicle.waiting == 0)
        assert vehicle.link.connections == 1


async def test_a_hub_that_acknowledges_less_than_before_is_asked_anew_how_far_it_is(tmp_path: Path):
    hub = SocketHub()
    async with hub.open(), Vehicle(tmp_path, hub).running() as vehicle:
        await vehicle.put(0, 5)
        await until(lambda: vehicle.waiting == 0)
        await hub.tell_all({"t": "ack", "epoch": vehicle.scribe.outbox.epoch, "through": 2})
        await until(lambda: vehicle.link.connections == 2)
        await vehicle.put(5, 3)
        await until(lambda: vehicle.waiting == 0)
        assert vehicle.link.hub_lost_rows == 0
    assert hub.rows() == list(range(8)) and hub.taken_again == 0


async def test_a_hub_restored_from_an_older_copy_gets_what_waits_under_a_new_epoch(tmp_path: Path):
    hub = SocketHub()
    async with hub.open(), Vehicle(tmp_path, hub).running() as vehicle:
        await vehicle.put(0, 5)
        await until(lambda: vehicle.waiting == 0)
        first_epoch = vehicle.scribe.outbox.epoch
        hub.book[first_epoch] = hub.book[first_epoch][:2]
        for socket in list(hub.sockets):
            socket.transport.abort()
        await vehicle.put(5, 3)
        await until(lambda: vehicle.waiting == 0)
        assert vehicle.link.hub_lost_rows == 3
        assert vehicle.scribe.outbox.epoch != first_epoch
    assert hub.rows() == [0, 1, 5, 6, 7]


async def test_an_outbox_restored_from_an_older_copy_never_uses_a_number_twice(tmp_path: Path):
    hub = SocketHub(through=40)
    async with hub.open(), Vehicle(tmp_path, hub).running() as vehicle:
        first_epoch = vehicle.scribe.outbox.epoch
        await until(lambda: vehicle.scribe.outbox.epoch != first_epoch)
        hub.through = None
        await vehicle.put(0, 3)
        await until(lambda: vehicle.waiting == 0)
    assert [len(rows) for rows in hub.book.values() if rows] == [3]


def test_pauses_double_are_capped_and_jittered():
    rng = random.Random(7)
    pauses = [[pause_s(failures, rng) for _ in range(50)] for failures in range(8)]
    assert all(min(row) >= max(row) / 2 - 1e-9 for row in pauses)
    assert len(set(pauses[3])) > 40
    assert max(pauses[7]) <= hub_link.PAUSE_S_MAX


def test_silence_turns_connected_into_late_and_lost():
    state = LinkState(began_s=0.0)
    assert state.word(1.0) == "connecting"
    assert state.word(LOST_S + 1) == "lost"
    state = state.heard(100.0, START)
    assert [state.word(100.0 + s) for s in (0, LATE_S, LATE_S + 0.1, LOST_S + 0.1)] == [
        "connected", "connected", "late", "lost",
    ]  # fmt: skip
    assert state.closed().word(100.1) == "late"
    assert state.closed().as_view(200.0) == {"state": "lost", "since": START, "refusal": None}
    refused = state.refused({"error": "unknown_token"})
    assert refused.word(101.0) == "refused"
    assert refused.heard(102.0, START).word(102.0) == "connected"


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.integers(), max_size=3), min_size=1, max_size=6))
def test_following_the_deltas_gives_the_hubs_view(views: list[dict]):
    from casebook.live import merge_patch

    told, now = ToldView(), START.isoformat()
    told.apply({"t": "snapshot", "v": 3, "now": now, "view": views[0]})
    for version, (old, new) in enumerate(pairwise(views), start=4):
        told.apply({"t": "delta", "v": version, "now": now, "patch": merge_patch(old, new)})
        told.apply({"t": "beat", "v": version, "now": now})
    assert told.view == views[-1]


def test_a_delta_before_any_snapshot_is_a_gap(tmp_path: Path):
    told = ToldView()
    with pytest.raises(Gap):
        told.apply({"t": "delta", "v": 1, "now": START.isoformat(), "patch": {}})
    told.apply({"t": "snapshot", "v": 1, "now": START.isoformat(), "view": {}})
    with pytest.raises(Gap):
        told.apply({"t": "beat", "v": 2, "now": START.isoformat()})


def test_a_damaged_copy_of_the_view_is_told_and_not_believed(tmp_path: Path):
    file = tmp_path / "view.json"
    file.write_bytes(msgspec.json.encode({"view": {"n": 1}, "at": START})[:-4])
    told = ToldView(file)
    assert told.view == {} and told.unreadable


def test_the_copy_is_written_whole_or_not_at_all(tmp_path: Path):
    file = tmp_path / "view.json"
    told = ToldView(file)
    told.apply({"t": "snapshot", "v": 1, "now": START.isoformat(), "view": {"n": 1}})
    told.save()
    (tmp_path / "view.new").write_bytes(b"a draft that a power cut left behind")
    assert ToldView(file).view == {"n": 1}
