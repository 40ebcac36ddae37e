"""OWASP ASVS 5.0 V17.2.8 in a whole hub: the fingerprint of a vehicle's media is pinned to the enrolled vehicle."""

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
from aiortc import RTCCertificate

from aboard.hub import Hub
from aboard.hub_setup import open_hub
from ambulance_unit.camera import LiveMedia
from casebook import events as e
from casebook.clock import RateClock
from casebook.place import Place
from media.aiortc_private import listen_on
from media.kept_certificate import kept_certificate
from media.sender import WavePublisher
from media.vehicle_key import fingerprint_of

pytestmark = pytest.mark.sockets

UNIT = "SJ-5G-01"
PATIENCE_S = 40.0  # a bound for a busy machine, not an expectation


async def eventually(true: Callable[[], object], what: str) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end_s, f"never happened: {what}"
        await asyncio.sleep(0.05)


@pytest.fixture
async def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Hub, dict[str, str]]]:
    monkeypatch.setenv("ABOARD_CACHE", str(tmp_path / "cache"))
    listen_on(["127.0.0.1"])
    unit = e.UnitEnrolled(UNIT, "ambulance_5g", "松江5G01", "Songjiang 5G 01", "songjiang", Place(30.89, 121.03))
    facts = tmp_path / "facts.json"
    facts.write_bytes(msgspec.json.encode([[unit.name, e.encode(unit)]]))
    clock = RateClock(datetime(2021, 4, 18, 1, 35, tzinfo=UTC), 1.0)
    hub, links = await open_hub(tmp_path / "hub", "yangtze_delta", clock, facts=facts, drill=True)
    async with hub.running():
        yield hub, links
    listen_on(None)


def client(hub: Hub, token: str) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.AsyncClient(transport=httpx.ASGITransport(hub.app), base_url="http://hub", headers=headers)


def written(hub: Hub) -> list[str]:
    return [entry.kind for entry in hub.book.log.read() if entry.kind.startswith("media_key")]


@contextlib.asynccontextmanager
async def publishing(
    hub: Hub, links: dict[str, str], certificate: RTCCertificate | None
) -> AsyncIterator[WavePublisher]:
    """A vehicle that is started with this certificate, until it is stopped."""
    async with client(hub, links[f"unit:{UNIT}"]) as vehicle:
        publisher = WavePublisher(vehicle, UNIT, certificate=certificate)
        running = asyncio.create_task(publisher.run())
        yield publisher
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_stolen_badge_is_not_enough_and_a_new_machine_needs_the_dispatchers_word(
    opened: tuple[Hub, dict[str, str]], tmp_path: Path
) -> None:
    hub, links = opened
    own, other = kept_certificate(tmp_path / "own.pem"), kept_certificate(tmp_path / "other.pem")
    for certificate in (own, kept_certificate(tmp_path / "own.pem")):  # and after a restart
        async with publishing(hub, links, certificate) as vehicle:
            await eventually(vehicle.link.connected.is_set, "the enrolled vehicle is let in")
    assert written(hub) == ["media_key_pinned"]

    for stranger in (other, None):  # one that says it keeps its key, and a browser or a player with the stolen badge
        async with publishing(hub, links, stranger) as thief:
            await eventually(lambda thief=thief: thief.link.last_error is not None, "the other key is refused")
            assert thief.link.last_error is not None and thief.link.last_error.facts["why"] == "media_key_wrong"
    assert written(hub) == ["media_key_pinned", "media_key_refused"], "told once, not at every try"

    view = hub.dispatch.console_view(hub.book.picture, hub.clock.now())["units"][UNIT]["media_key"]
    async with client(hub, links["dispatcher"]) as dispatch:
        take = {"unit": UNIT, "fingerprint": "AB:CD"}
        assert (await dispatch.post("/api/v1/ask/accept_media_key", json=take)).json()["error"] == "media_key_other"
        taken = await dispatch.post("/api/v1/ask/accept_media_key", json={**take, "fingerprint": view["refused"]})
        assert taken.status_code == 200, taken.text
    async with publishing(hub, links, other) as vehicle:
        await eventually(vehicle.link.connected.is_set, "the new machine is let in")
    async with publishing(hub, links, own) as before:
        await eventually(lambda: before.link.last_error is not None, "the old machine is out")
    assert written(hub).count("media_key_accepted") == 1


async def test_the_crew_of_a_refused_vehicle_is_told_what_to_read_to_dispatch(
    opened: tuple[Hub, dict[str, str]], tmp_path: Path
) -> None:
    hub, links = opened
    async with publishing(hub, links, kept_certificate(tmp_path / "own.pem")) as vehicle:
        await eventually(vehicle.link.connected.is_set, "the enrolled vehicle is let in")
    live = LiveMedia(client(hub, links[f"unit:{UNIT}"]), UNIT, None, certificate=kept_certificate(tmp_path / "new.pem"))
    live.start()
    await eventually(lambda: live.wrong() is not None, "the vehicle knows")
    refused, wrong = hub.book.picture.units[UNIT].media_key_refused, live.wrong()
    assert wrong is not None and wrong.key == "media_key_refused" and wrong.facts["shown"] == refused[:23]
    assert len(wrong.facts["shown"]) == 23 and wrong.facts["shown"] in wrong.said("zh")
    await live.stop()


async def test_the_hub_takes_the_pinned_fingerprint_alone_to_its_media_engine(
    opened: tuple[Hub, dict[str, str]], tmp_path: Path
) -> None:
    hub, links = opened
    own = kept_certificate(tmp_path / "own.pem")
    async with publishing(hub, links, own) as vehicle:
        await eventually(vehicle.link.connected.is_set, "the enrolled vehicle is let in")
        (session,) = [one for one in hub.plane._sessions.values() if one.action == "publish"]  # type: ignore[attr-defined]
        offered = session.pc.remoteDescription.sdp
    assert offered.count("a=fingerprint:") == 1
    assert fingerprint_of(offered) == hub.book.picture.units[UNIT].media_key
