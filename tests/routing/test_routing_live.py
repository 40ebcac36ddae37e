"""Live traffic: versions are counted, bad input leaves the last good one serving, readers never see half a change."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drives import fixes_on, some_drive
from paper_towns import AT, Draw
from random_streets import random_streets

from aboard.cli import run
from casebook.errors import NotFound, RefusedInput
from casebook.place import Place
from routing.costs import costs_for
from routing.ground import route
from routing.live import LiveTraffic
from routing.profiles import CAR
from routing.roads import Roadmap
from routing.traffic import FREE_FLOW, Closure, Stretch
from routing.traffic.batch import Report

NOW = AT + timedelta(minutes=1)


@cache
def town() -> Roadmap:
    return random_streets(1, 6)


def rows(kph: float, arcs: range = range(3), at: str = AT.isoformat()) -> bytes:
    edges = (town().edge_of(arc) for arc in arcs)
    return ("u,v,key,speed_kph,at\n" + "".join(f"{u},{v},{key},{kph},{at}\n" for u, v, key in edges)).encode()


def take(live: LiveTraffic, raw: bytes, shape: str = "csv", **more: Any) -> Report:
    return live.take(raw, shape=shape, source="feed", now=more.pop("now", NOW), **more)


def closure(id: str, arc: int) -> Closure:
    return Closure(id, Stretch(edges=frozenset({town().edge_of(arc)})), "works", "dispatch", AT)


def test_every_published_change_is_the_next_version():
    live = LiveTraffic(town())
    assert live.current is FREE_FLOW
    assert take(live, rows(10)).version == 1
    live.change(lambda traffic: traffic.with_closure(closure("c", 5)).with_closure(closure("d", 6)))
    assert (live.current.version, len(live.current.closures)) == (2, 2)
    assert live.change(lambda traffic: traffic).version == 2


@pytest.mark.parametrize(
    "raw", [b"", b"\xff\xfe", b"speed\n3\n", b"u,v,key,speed_kph,at\n", rows(10).replace(b"speed_kph", b"at")]
)
def test_after_a_bad_batch_the_last_good_version_goes_on_serving(raw: bytes):
    live = LiveTraffic(town())
    take(live, rows(10))
    good = live.current
    try:
        report = take(live, raw)
        assert report.taken == 0 and report.refused
    except RefusedInput as refused:
        assert refused.said("zh") != refused.said("en")
    assert live.current is good


def test_a_batch_without_one_good_row_is_no_version():
    live = LiveTraffic(town())
    report = take(live, rows(-10))
    assert (report.taken, len(report.refused), report.version) == (0, 3, 0)
    assert live.current is FREE_FLOW


def test_a_change_that_fails_changes_nothing():
    live = LiveTraffic(town())
    take(live, rows(10))
    good = live.current
    with pytest.raises(NotFound):
        live.change(lambda traffic: traffic.with_closure(closure("c", 5)).without("no such"))
    with pytest.raises(RefusedInput):
        take(live, rows(10) + b"1,2,0,-1,x\n", whole=True)
    assert live.current is good


def test_the_report_is_told_in_both_languages_and_as_json():
    report = take(LiveTraffic(town()), rows(10) + b"1,2,0,-1,x\n")
    assert "line 5" in report.said("en") and "第 5 行" in report.said("zh")
    facts = report.as_facts()
    assert (facts["version"], facts["rows"], facts["taken"]) == (1, 4, 3)
    assert facts["refused"][0]["row"] == "1,2,0,-1,x"


def test_an_answer_names_the_version_it_stands_on():
    live = LiveTraffic(town())
    start, end = Place(31.0, 121.0), Place(31.009, 121.009)
    times = []
    for kph in (50, 8):
        take(live, rows(kph, range(town().network.arcs), (AT + timedelta(seconds=60 - kph)).isoformat()))
        times.append(route(town(), start, end, profile=CAR, traffic=live.current, at=NOW))
    assert [one.traffic_version for one in times] == [1, 2]
    assert times[0].eta_s < times[1].eta_s


def test_our_own_vehicles_fixes_become_speeds():
    rng = np.random.default_rng(1)
    fixes, _ = fixes_on(town(), some_drive(town(), rng, 1000, 3000), rng, every_s=5.0, sigma_m=5.0, mps=4.0)
    body = "unit,at,lat,lon,siren\n" + "".join(
        f"A1,{(AT - timedelta(minutes=30) + timedelta(seconds=fix.at_s)).isoformat()},{fix.lat},{fix.lon},no\n"
        for fix in fixes
    )
    live = LiveTraffic(town())
    report = take(live, (body + "A1,nonsense,1,1,no\n").encode(), "fixes_csv")
    assert len(report.refused) == 1 and report.taken == len(fixes) and report.arcs > 0
    seen = live.current.observed
    assert seen is not None and np.median(seen.kph) == pytest.approx(4 * 3.6, rel=0.15)


def test_readers_in_other_threads_see_whole_versions_only():
    live, seen, stop = LiveTraffic(town()), [], threading.Event()

    def ask() -> None:
        while True:
            traffic = live.current
            costs = costs_for(town(), profile=CAR, holding=traffic.holding(NOW), engine="scipy")
            seen.append((traffic.version, int((~costs.usable).sum())))
            if stop.is_set():
                return

    readers = [threading.Thread(target=ask) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(40):
        arcs = range(number % 7 * 2, number % 7 * 2 + 2)
        live.change(
            lambda traffic, arcs=arcs: FREE_FLOW.with_closure(closure("a", arcs[0])).with_closure(closure("b", arcs[1]))
        )
    stop.set()
    for reader in readers:
        reader.join(timeout=60)
    assert live.current.version == 40
    assert seen and {closed for _, closed in seen} <= {0, 2}


# --- on the command line


@pytest.fixture
def street(draw: Draw, tmp_path: Path) -> Path:
    nodes = {1: (31.0, 121.0), 2: (31.0, 121.01), 3: (31.01, 121.01)}
    draw(nodes, [(11, [1, 2, 3, 1], {"highway": "primary"})])
    return tmp_path / "town.osm"


def test_a_batch_is_tried_against_a_map_on_the_command_line(
    street: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ABOARD_LANG", "en")
    feed = street.with_name("feed.csv")
    feed.write_text(f"u,v,speed_kph,at\n1,2,20,{AT.isoformat()}\n2,3,-1,{AT.isoformat()}\n", encoding="utf-8")
    words = ["roads", "traffic", str(street), "--feed", str(feed), "--at", NOW.isoformat()]
    assert run(words) == 0
    said = capsys.readouterr().out
    assert "1 of 2 rows" in said and "line 3, speed_kph" in said
    assert run([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["refused"][0]["row"].startswith("2,3,-1")
    assert run([*words, "--whole"]) == run([*words[:4], str(feed) + "x"]) == 2
