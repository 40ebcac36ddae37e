"""A hub tells whether it is well: pure judging by the thousand, its doors at a real hub, its dashboard against them."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from aboard.health.dashboard import PANELS, dashboard
from aboard.health.doors import said
from aboard.health.judging import Concern, Limit, Readings, concerns, is_ready, load_limits, rounded
from aboard.health.pulse import Pulse, Recent
from aboard.hub import Hub
from aboard.hub_setup import open_hub
from casebook import events as e
from casebook.book import Book, Row
from casebook.clock import JumpClock
from casebook.errors import FeedLost, RefusedInput
from casebook.log import By, MemoryLog
from casebook.place import Place
from casebook.words import LANGUAGES, catalogue, say

AT = datetime(2027, 4, 18, 1, 30, tzinfo=UTC)
WELL = Readings(disk_free_mb=50_000, loop_lag_s=0.01, commit_s=0.004)
DESK = By("desk", "test")
figures = st.floats(0, 1e6)
by_unit = st.dictionaries(st.sampled_from("ABC"), figures)
readings = st.builds(
    Readings, figures, figures, figures, st.integers(0, 9), st.integers(0, 9), by_unit, by_unit,
)  # fmt: skip


# --- judging


def test_a_hub_that_is_well_has_nothing_to_tell():
    assert concerns(WELL, load_limits()) == []
    assert is_ready([])


def test_a_disk_that_is_nearly_full_ends_readiness_and_one_that_fills_only_warns():
    limits = load_limits()
    (filling,) = concerns(Readings(1_000, 0.01, 0.004), limits)
    (full,) = concerns(Readings(100, 0.01, 0.004), limits)
    assert (filling.key, filling.severity, full.severity) == ("disk_free_mb", "warn", "stop")
    assert is_ready([filling]) and not is_ready([full])


def test_a_disk_that_cannot_be_read_is_a_concern_and_never_taken_for_empty_or_full():
    (one,) = concerns(Readings(None, 0.01, 0.004), load_limits())
    assert one == Concern("unread", "warn", {"what": "disk_free_mb"}, "disk_free_mb")


@given(readings, readings)
def test_what_is_worse_is_never_told_as_better(one: Readings, other: Readings):
    limits, order = load_limits(), {None: 0, "warn": 1, "stop": 2}
    for name, limit in limits.items():
        a, b = getattr(one, name), getattr(other, name)
        if not isinstance(a, dict):
            worse, better = (min(a, b), max(a, b)) if limit.below else (max(a, b), min(a, b))
            assert order[limit.judge(worse)] >= order[limit.judge(better)]


@given(readings)
def test_every_concern_is_told_once_in_both_languages_and_what_stops_the_hub_first(one: Readings):
    told = concerns(one, load_limits())
    assert len({concern.id for concern in told}) == len(told)
    assert [concern.severity for concern in told] == sorted((c.severity for c in told), key=("stop", "warn").index)
    for concern in told:
        for language in LANGUAGES:
            assert "?" not in say(f"health.{concern.key}", language, **concern.facts)


@given(st.floats(1e-6, 1e9))
def test_a_told_figure_is_within_five_percent(value: float):
    assert math.isclose(rounded(value), value, rel_tol=0.051)


@pytest.mark.parametrize(
    ("text", "field"),
    [("{luck: {warn: 1}}", "luck"), ("{silent_s: {warn: soon}}", "silent_s"), ("{silent_s: {}}", "silent_s")],
)
def test_a_limit_that_cannot_be_is_refused_with_its_name(tmp_path: Path, text: str, field: str):
    (tmp_path / "limits.yaml").write_text(f"limits: {text}\n")
    with pytest.raises(RefusedInput) as refused:
        load_limits(tmp_path / "limits.yaml")
    assert refused.value.facts["field"] == field


def test_only_readings_have_limits_and_only_one_direction_each():
    assert Limit(10, 2, below=True).judge(1) == "stop"
    assert Limit(2, 10).judge(11) == "stop"


# --- pulse


def test_readings_speak_of_the_last_minute_only():
    wall = [0.0]
    recent = Recent(lambda: wall[0])
    recent.add(3.0)
    wall[0] = 59.0
    recent.add(1.0)
    assert (recent.worst(), recent.count()) == (3.0, 2)
    wall[0] = 61.0
    assert (recent.worst(), recent.count()) == (1.0, 1)
    wall[0] = 200.0
    assert recent.worst() is None


class FullDisk(MemoryLog):
    def append(self, drafts):
        raise FeedLost("log_unwritable", file="book", why="No space left on device")


async def test_a_commit_that_fails_is_counted_and_told():
    book = Book(FullDisk(), JumpClock(AT))
    pulse = Pulse(book, None)
    for _ in range(3):
        with pytest.raises(FeedLost):
            await book.write(lambda picture: [e.HospitalEnrolled("h", "医", "H", Place(31, 121), (), 1)], DESK)
    assert pulse.read().commit_failures == 3
    assert not is_ready(concerns(pulse.read(), load_limits()))


async def test_a_vehicle_with_somebody_aboard_that_falls_silent_is_told_and_an_empty_one_is_not():
    clock = JumpClock(AT)
    book = Book(MemoryLog(), clock)
    pulse = Pulse(book, None)
    here = Place(31.0, 121.2)
    await book.write(
        lambda picture: [
            e.IncidentOpened("I1", here, "traffic", 1, "120", ""),
            *(e.UnitEnrolled(id, "ambulance_5g", id, id, "songjiang", here) for id in ("A01", "A02")),
            *(e.UnitAssigned(id, "I1", "transport", e.Leg(here, ((121.2, 31.0, 0.0),), 1.0, 1.0)) for id in ("A01",)),
            e.CasualtyFound("I1-A", "I1", "A"),
        ],
        DESK,
    )
    rows = [
        e.UnitEnRoute("A01"), e.UnitOnScene("A01"), e.UnitAtPatient("A01", "I1-A"), e.CasualtyBoarded("I1-A", "A01"),
    ]  # fmt: skip
    ahead = clock.now() + timedelta(seconds=7)
    await book.take_rows("A01", "e1", [Row(n, ahead, row.name, e.encode(row)) for n, row in enumerate(rows, start=1)])
    assert book.picture.units["A01"].aboard == ("I1-A",)
    await clock.run(clock.sleep(20))
    told = {one.id: one.facts for one in concerns(pulse.read(), load_limits())}
    assert told == {"silent_s:A01": {"unit": "A01", "value": 20.0}, "ahead_s:A01": {"unit": "A01", "value": 7.0}}


# --- doors


@pytest.fixture
async def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Hub, dict[str, str]]]:
    monkeypatch.setenv("ABOARD_CACHE", str(tmp_path / "cache"))
    opened, links = await open_hub(tmp_path / "hub", "yangtze_delta", JumpClock(AT))
    yield opened, links
    opened.book.log.close()


def asked(hub: Hub, path: str, token: str = ""):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return TestClient(hub.app, raise_server_exceptions=False).get(path, headers=headers)


async def test_anybody_may_ask_whether_a_hub_is_alive_and_ready(hub: tuple[Hub, dict[str, str]]):
    opened, _ = hub
    assert asked(opened, "/healthz").json() == {"alive": True}
    ready = asked(opened, "/readyz")
    assert (ready.status_code, ready.json()["ready"]) == (200, True)
    for _ in range(3):
        opened.health.pulse._committed(0.001, done=False)
    stopped = asked(opened, "/readyz")
    assert (stopped.status_code, stopped.json()["ready"]) == (503, False)
    assert [one["key"] for one in stopped.json()["concerns"]] == ["commit_failures"]
    assert stopped.json()["concerns"][0]["zh"] and stopped.json()["concerns"][0]["en"]


async def test_figures_are_for_engineers_and_name_no_patient(hub: tuple[Hub, dict[str, str]]):
    opened, links = hub
    assert asked(opened, "/metrics").status_code == 401
    assert asked(opened, "/metrics", links["dispatcher"]).status_code == 403
    secret = "I77-Wang"
    facts = e.IncidentOpened("I77", Place(31.0, 121.2), "traffic", 1, "120", ""), e.CasualtyFound(secret, "I77", "Wang")
    await opened.book.write(lambda picture: facts, DESK)
    text = asked(opened, "/metrics", links["engineer"]).text
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert all(family.documentation for family in families.values())
    found = {sample.labels["stage"]: sample.value for sample in families["aboard_casualties"].samples}
    assert found["found"] == 1 and found["aboard"] == 0
    kinds = {sample.labels["kind"]: sample.value for sample in families["aboard_entries"].samples}
    assert kinds["casualty_found"] == 1
    assert secret not in text and "Wang" not in text
    assert asked(opened, "/api/v1/shown", links["engineer"]).status_code == 403, "an engineer sees no case"


async def test_the_dashboard_draws_only_what_the_hub_tells(hub: tuple[Hub, dict[str, str]]):
    opened, links = hub
    text = asked(opened, "/metrics", links["engineer"]).text
    declared = set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))
    declared |= {f"{name}_bucket" for name in declared}
    for panel in PANELS:
        named = set(re.findall(r"\b(?:aboard|process)_\w+", panel.expr))
        assert named and named <= declared, panel.name
    drawn = dashboard("zh")
    assert len({one["id"] for one in drawn["panels"]}) == len(PANELS)
    places = [(one["gridPos"]["x"], one["gridPos"]["y"]) for one in drawn["panels"]]
    assert len(set(places)) == len(places)
    assert {one["title"] for one in drawn["panels"]} <= set(catalogue("zh").values())


async def test_a_work_that_fails_is_counted_by_its_name(
    hub: tuple[Hub, dict[str, str]], monkeypatch: pytest.MonkeyPatch
):
    opened, _ = hub
    failed = asyncio.Event()

    async def broken() -> None:
        failed.set()
        raise ValueError("a desk with a bug")

    monkeypatch.setattr(opened.dispatch, "react", broken)
    async with opened.running():
        async with asyncio.timeout(10):
            await failed.wait()
            while not opened.health.pulse.failures:  # noqa: ASYNC110 - counted on the other side of the loop
                await asyncio.sleep(0.01)
        assert opened.health.told()["desk_failures"]["severity"] == "warn"
    assert opened.health.pulse.failures["think"] >= 1


def test_two_devices_that_speak_as_one_vehicle_are_a_concern_by_name():
    (one,) = concerns(Readings(twins={"A01": 2.0}), {"twins": Limit(1.0, None, False)})
    assert (one.key, one.severity, one.unit, one.facts["value"]) == ("twins", "warn", "A01", 2.0)


def test_who_asks_without_a_badge_hears_of_no_vehicle_by_its_id():
    told = said(Concern("silent_s", "warn", {"unit": "A01", "value": 20.0}, "A01"))
    assert "A01" not in str(told) and "?" not in str(told)
    assert told["en"].startswith(say("health.a_vehicle"))
