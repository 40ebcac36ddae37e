"""A whole hub asks a network for the uplink of a red patient's vehicle, and goes on without an answer."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx
import msgspec
import pytest
from qod_network import DEVICE, TOKEN, Network

from aboard.hub import Hub
from aboard.hub_setup import open_hub
from aboard.uplinks import EVENTS
from casebook import events as e
from casebook.casualty import Category
from casebook.clock import RateClock
from casebook.desks import DESK
from casebook.errors import RefusedInput
from casebook.place import Place
from media import qos_keeper

pytestmark = pytest.mark.sockets
UNIT = "SJ-5G-01"
SCENE = Place(30.89, 121.03)
PATIENCE_S = 40.0  # a bound for a busy machine, not an expectation


async def eventually(true: Callable[[], object], what: str) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end_s, f"never happened: {what}"
        await asyncio.sleep(0.05)


@pytest.fixture
async def network(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Network]:
    monkeypatch.setattr(qos_keeper, "TURN_S", 0.05)
    network = Network()
    await network.start()
    yield network
    await network.stop()


class Site:
    """A folder with the hub's settings; each `hub()` is one start of it."""

    def __init__(self, folder: Path, network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ABOARD_CACHE", str(folder / "cache"))
        monkeypatch.setenv("ABOARD_QOD_FILE", str(folder / "qod.json"))
        (folder / "token").write_text(TOKEN)
        settings = {
            "url": network.url, "token_file": str(folder / "token"), "devices": {UNIT: DEVICE},
            "application_server": {"ipv4Address": "198.51.100.7"}, "sink": "https://hub.example/api/v1/uplink/events",
        }  # fmt: skip
        (folder / "qod.json").write_bytes(msgspec.json.encode(settings))
        self.folder = folder

    @contextlib.asynccontextmanager
    async def hub(self) -> AsyncIterator[Hub]:
        clock = RateClock(datetime(2021, 4, 18, 1, 35, tzinfo=UTC), 1.0)
        unit = e.UnitEnrolled(UNIT, "ambulance_5g", "松江5G01", "Songjiang 5G 01", "songjiang", SCENE)
        first = [unit, e.IncidentOpened("I1", SCENE, "traffic", 1, "120", "G60"), e.CasualtyFound("I1-A", "I1", "A")]
        facts = self.folder / "facts.json"
        facts.write_bytes(msgspec.json.encode([[one.name, e.encode(one)] for one in first]))
        hub, _ = await open_hub(self.folder / "hub", "yangtze_delta", clock, facts=facts, drill=True)
        async with hub.running():
            yield hub


@pytest.fixture
def place(tmp_path: Path, network: Network, monkeypatch: pytest.MonkeyPatch) -> Site:
    return Site(tmp_path, network, monkeypatch)


async def board_red(hub: Hub) -> None:
    steps = [e.UnitAssigned(UNIT, "I1"), e.UnitEnRoute(UNIT), e.UnitOnScene(UNIT), e.UnitAtPatient(UNIT, "I1-A")]
    steps += [e.CasualtyTriaged("I1-A", "start", Category.RED, UNIT)]
    option = e.Option(next(iter(hub.book.picture.hospitals)), "road", 1200.0, {"road": 1200.0})
    await hub.book.write(lambda picture: [*steps, e.DestinationChosen("I1-A", option)], DESK)
    await hub.book.write(lambda picture: [e.CasualtyBoarded("I1-A", UNIT)], DESK)


def story(hub: Hub) -> list[str]:
    return [entry.body["state"] for entry in hub.book.log.read() if entry.kind == "uplink_changed"]


def shown(hub: Hub) -> object:
    """On the console; the picture is folded a moment after the log is written."""
    return hub.dispatch.console_view(hub.book.picture, hub.clock.now())["units"][UNIT]["picture"]


async def test_from_boarding_over_a_restart_of_the_hub_to_the_end_of_the_case(place: Site, network: Network) -> None:
    network.at_once = False
    async with place.hub() as hub:
        await board_red(hub)
        await eventually(lambda: story(hub)[-1:] == ["pending"], "it is asked for")
        network.make_available()
        (id,), (wish,) = network.sessions, network.wishes
        token = wish["sinkCredential"]["accessToken"]
        event = {"id": "1", "type": "org.camaraproject.quality-on-demand.v1.qos-status-changed", "specversion": "1.0"}
        event |= {"source": "network", "data": {"sessionId": id, "qosStatus": "AVAILABLE"}}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(hub.app), base_url="http://hub") as outside:

            async def notify(token: str, body: object) -> int:
                headers = {"Authorization": f"Bearer {token}"}
                return (await outside.post("/api/v1/uplink/events", json=body, headers=headers)).status_code

            assert await notify("guess", event) == 401 and await notify(token, {"data": 1}) == 422
            assert await notify(token, event) == 204
        await eventually(lambda: story(hub)[-1:] == ["granted"], "it is granted")
        await eventually(
            lambda: shown(hub) == {"missing": "yet", "uplink": {"state": "granted"}}, "the console says so"
        )
    assert list(network.sessions) == [id], "a hub that goes leaves it to the next"
    async with place.hub() as hub:
        await eventually(lambda: network.count("GET") > 0, "the next hub looks at it")
        assert len(network.wishes) == 1 and story(hub) == ["asked", "pending", "granted"]
        await hub.book.write(lambda picture: [e.CasualtyClosed("I1-A", "died")], DESK)
        await eventually(lambda: story(hub)[-1:] == ["given_back"], "it is given back")
    assert network.sessions == {}


async def test_a_network_that_says_nothing_is_a_named_state_and_nothing_waits_for_it(
    place: Site, network: Network
) -> None:
    network.answers = [(503, {})] * 1000
    async with place.hub() as hub:
        await board_red(hub)
        await eventually(lambda: story(hub) == ["asked", "refused"], "no answer is told")
        await eventually(
            lambda: shown(hub) == {"missing": "yet", "uplink": {"state": "refused", "why": "silent"}}, "told"
        )


async def test_by_default_nothing_is_asked_and_settings_that_make_no_sense_keep_a_hub_from_starting(
    place: Site, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place.folder / "qod.json").write_text("{}")
    with pytest.raises(RefusedInput, match=r"qod\.json"):
        async with place.hub():
            pass
    monkeypatch.delenv("ABOARD_QOD_FILE")
    async with place.hub() as hub:
        await board_red(hub)
        assert EVENTS not in {getattr(route, "path", "") for route in hub.app.routes}
        assert story(hub) == [] and network.asked == []
