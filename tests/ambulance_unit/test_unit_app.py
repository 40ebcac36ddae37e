"""The vehicle's own server on real sockets: taps, feed, waves, ledger; with the hub there, dead, and back."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from unit_fakes import until
from unit_stage import Stage
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from ambulance_unit import hub_link
from casebook import events as e
from casebook.access import Badge, Role
from casebook.live import patched
from media.waveforms import WaveKind, decode

pytestmark = pytest.mark.sockets


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    monkeypatch.setattr(hub_link, "PAUSE_S", 0.01)
    monkeypatch.setattr(hub_link, "PAUSE_S_MAX", 0.05)
    async with Stage(tmp_path).running() as stage:
        yield stage


async def told_mission(stage: Stage) -> None:
    await stage.assigned()
    await until(lambda: stage.agent.view.get("unit", {}).get("duty") == "assigned")


async def at_the_patient(stage: Stage) -> None:
    await told_mission(stage)
    await stage.ask("en_route")
    await until(lambda: stage.agent.view["unit"]["duty"] == "on_scene")  # the geofence, after 2 s
    await stage.ask("found_casualty", label="A", age_years=41)
    await stage.ask("at_patient", casualty="I1-A")


async def test_a_tap_is_in_the_book_and_on_the_tablet(stage: Stage):
    await told_mission(stage)
    answer = await stage.ask("acknowledge")
    assert answer.json()["facts"] == [{"kind": "unit_acknowledged", "body": {"unit": "A01"}}]
    await until(lambda: stage.book.picture.units["A01"].duty == "acknowledged")
    entry = list(stage.book.log.read())[-1]
    assert (entry.by.role, entry.by.who, entry.by.origin) == ("paramedic", "张急救", "button")


async def test_the_same_key_asked_twice_is_done_once(stage: Stage):
    await told_mission(stage)
    first = await stage.ask("found_casualty", key="k1", label="A")
    again = await stage.ask("found_casualty", key="k1", label="A")
    assert first.json()["rows"] and again.json() == {"repeated": True, "entries": first.json()["rows"]}


@pytest.mark.parametrize(
    ("name", "command", "status", "error"),
    [
        ("left_scene", {}, 409, "illegal_step"),
        ("triage", {"casualty": "I1-Z", "method": "manual", "category": "red"}, 404, "not_found"),
        ("triage", {"casualty": "I1-Z", "method": "guess"}, 422, "bad_field"),
        ("found_casualty", {"label": 7}, 422, "bad_field"),
        ("found_casualty", {"label": "A", "weight": 70}, 422, "bad_field"),
    ],
)
async def test_a_tap_that_cannot_be_is_refused_with_words(
    stage: Stage, name: str, command: dict, status: int, error: str
):
    await told_mission(stage)
    answer = await stage.ask(name, **command)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.json()["zh"] and answer.json()["en"]


async def test_without_the_right_token_nothing_opens(stage: Stage):
    other = stage.gate.issue(Badge(Role.PARAMEDIC, "other", unit="A02"))
    for token, status in (("wrong", 401), (other, 403)):
        headers = {"Authorization": f"Bearer {token}"}
        assert (await stage.client.get("/api/v1/ledger", headers=headers)).status_code == status
        answer = await stage.client.post("/api/v1/ask/acknowledge", json={}, headers=headers)
        assert answer.status_code == status
        for path in ("/api/v1/live/tablet", "/api/v1/waves"):
            with pytest.raises((InvalidStatus, ConnectionClosed)):
                async with connect(stage.url.replace("http", "ws") + path, additional_headers=headers) as socket:
                    await socket.recv()


async def follow(socket: Any, view: dict[str, Any], wanted: Any) -> dict[str, Any]:
    """Read the feed until the view is as wanted."""
    while not wanted(view):
        message = json.loads(await socket.recv())
        view = message["view"] if message["t"] == "snapshot" else patched(view, message.get("patch") or {})
    return view


async def test_the_feed_follows_the_hub_and_the_crew(stage: Stage):
    url = f"{stage.url.replace('http', 'ws')}/api/v1/live/tablet"
    async with connect(url, subprotocols=["aboard.v1", f"token.{stage.token}"]) as socket:  # type: ignore[list-item]
        view = await follow(socket, {}, lambda view: view.get("link", {}).get("state") == "connected")
        assert view["drill"] and view["next"] == {"wait": "mission"}
        await stage.assigned()
        view = await follow(socket, view, lambda view: view["next"].get("do") == "acknowledge")
        await stage.ask("en_route")
        view = await follow(socket, view, lambda view: view["unit"]["duty"] == "on_scene")  # the geofence, after 2 s
        await stage.ask("found_casualty", label="A", age_years=41)
        await stage.ask("at_patient", casualty="I1-A")
        view = await follow(socket, view, lambda view: "latest" in view["monitor"])
        assert view["monitor"]["casualty"] == "I1-A" and view["monitor"]["latest"]["values"]["hr_bpm"] > 100
        await stage.hub(e.CapacityReported("sgh", "resus_bay", 0, 6))
        await follow(
            socket, view, lambda view: view["hospitals"]["sgh"]["figures"]["resus_bay"]["free"] == 0
        )  # a capacity change at the hospital reaches the tablet


async def test_the_hub_dies_in_mid_mission_and_nothing_is_lost(stage: Stage):
    await at_the_patient(stage)
    await until(lambda: stage.agent.ledger()["acked"] > 0 and stage.agent.sampler.sampled > 0)
    await stage.hub_dies()
    await until(lambda: stage.agent.link.as_view()["state"] != "connected")
    answer = await stage.ask("triage", casualty="I1-A", method="manual", category="red")
    assert answer.status_code == 200
    assert stage.agent.view["casualties"]["I1-A"]["category"] == "red"
    sampled = stage.agent.sampler.sampled
    await until(lambda: stage.agent.sampler.sampled > sampled + 1)
    assert stage.agent.ledger()["waiting"] > 0
    await stage.hub_returns()
    await until(lambda: stage.agent.ledger()["waiting"] == 0)
    assert stage.book.picture.casualties["I1-A"].category == "red"
    rows = [(entry.source.epoch, entry.source.seq) for entry in stage.book.log.read() if entry.source]
    for epoch in {epoch for epoch, _ in rows}:
        seqs = [seq for lane, seq in rows if lane == epoch]
        assert seqs == list(range(1, len(seqs) + 1))
    assert not [entry for entry in stage.book.log.read() if entry.kind == "row_refused"]


async def test_waves_come_straight_from_the_vehicle(stage: Stage):
    stage.agent.sampler.attach("I1-A")
    url = f"{stage.url.replace('http', 'ws')}/api/v1/waves"
    async with connect(url, subprotocols=["aboard.v1", f"token.{stage.token}"]) as socket:  # type: ignore[list-item]
        packets = [decode(await socket.recv()) for _ in range(5)]  # type: ignore[arg-type]
    assert {wave.kind for wave in packets[0].channels} >= {WaveKind.ECG_II, WaveKind.PLETH}
    first = [packet.channels[0].first_index for packet in packets]
    assert [b - a for a, b in pairwise(first)] == [10, 10, 10, 10]


async def test_triage_questions_are_asked_one_after_the_other(stage: Stage):
    ask = "/api/v1/triage/start"
    first = (await stage.client.post(ask, json={})).json()
    assert first["ask"]["input"] == "walks" and first["ask"]["kind"] == "yes_no"
    last = (await stage.client.post(ask, json={"walks": "1"})).json()
    assert last["category"] == "green" and last["table"].startswith("start@")
    child = (await stage.client.post(ask, json={"age_years": 5})).json()
    assert child["instead"] == "jumpstart"
    assert (await stage.client.post("/api/v1/triage/salt", json={})).status_code == 404
    assert (await stage.client.post(ask, content=b"{")).status_code == 422
    assert (await stage.client.post(ask, json={"walks": "maybe"})).json()["error"] == "bad_score_input"


async def test_a_drill_may_state_its_own_instant(stage: Stage):
    await told_mission(stage)
    at = stage.clock.now().replace(microsecond=0)
    await stage.client.post("/api/v1/ask/acknowledge", json={}, headers={"Aboard-At": at.isoformat()})
    await until(lambda: stage.book.picture.units["A01"].duty == "acknowledged")
    assert stage.book.picture.units["A01"].times["unit_acknowledged"] == at


async def test_the_page_and_its_words_are_served_by_the_vehicle(stage: Stage):
    page = await stage.client.get("/tablet")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert (await stage.client.get("/tablet/tablet.js")).status_code == 200
    assert (await stage.client.get("/api/v1/words/zh")).json()["unit.next"] == "下一步"
    assert (await stage.client.get("/api/v1/me")).json()["unit"] == "A01"
    assert "/api/v1/ask/triage" in (await stage.client.get("/openapi.json")).json()["paths"]


async def test_the_ledger_adds_up(stage: Stage):
    await at_the_patient(stage)
    await until(lambda: stage.agent.sampler.sampled >= 2)
    ledger = (await stage.client.get("/api/v1/ledger")).json()
    assert ledger["sampled"] >= ledger["vitals_stored"] >= ledger["sampled"] - 1
    assert ledger["waiting"] == ledger["stored"] - ledger["acked"]
