"""The G60 drill while both vehicles with a camera hang on a bad link (5 % of the packets lost, 60 ms each way) that is
dead for three seconds twice: with the severe casualty in the ambulance, and again with them in the air.

At fifty times the wall, so three seconds of a dead cell are two and a half minutes of the drill.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from story_stage import CREW, A, inserted

from aboard.bench.media.thin_link import Way
from aboard.drill import DARK_S_MAX, Dark, Drill, Performance
from aboard.relay import Line
from aboard.watching import Watchers
from casebook.ledger import ledger
from casebook.log import Entry, verify
from media.aiortc_private import listen_on
from media.wave_file import How, Kept, read_kept
from scenarios.format import Scenario, Step
from scenarios.report import make_report
from scenarios.socket_stage import Doorway, answer_of

pytestmark = pytest.mark.sockets

RATE = 50.0
LINE = Line(loss=0.05, delay_s=0.060)
HELICOPTER, WARD = "rescue_helicopter", "sgh_south"
PATIENCE_S = 600  # a machine that does other things as well; nothing here is timed
AHEAD = timedelta(seconds=30)  # of the drill: where a vehicle may be that has not seen yet that the clock was held
LAG_MS = 1000  # a picture made in the last moment of a silence may be sent after it, on a busy machine


@dataclass
class Seen:
    """Told by somebody who looks at the ward's screens all the time. By the wall, in ms."""

    darks_ms: list[tuple[float, float]] = field(default_factory=list)  # the first and the last look at each
    stamps_ms: dict[str, list[float]] = field(default_factory=dict)  # of the pictures shown, by vehicle
    was_dark: bool = False

    async def look(self, drill: Drill) -> None:
        while True:
            self._look_at_links(drill.is_dark, time.time() * 1000)
            if drill.watchers is not None:
                self._look_at_pictures(drill.watchers)
            await asyncio.sleep(0.02)

    def _look_at_links(self, is_dark: bool, now_ms: float) -> None:
        if is_dark and not self.was_dark:
            self.darks_ms.append((now_ms, now_ms))
        elif is_dark:
            self.darks_ms[-1] = (self.darks_ms[-1][0], now_ms)
        self.was_dark = is_dark

    def _look_at_pictures(self, watchers: Watchers) -> None:
        for (_, unit), viewer in watchers.viewers.items():
            stamps, latest = self.stamps_ms.setdefault(unit, []), viewer.video.latest
            if latest is not None and (not stamps or latest.wall_ms != stamps[-1]):
                stamps.append(latest.wall_ms)


def is_noticed(drill: Drill) -> bool:
    """Whether the book says that neither vehicle's picture comes, and the wall the same of the severe casualty's."""
    assert drill.watchers is not None
    quality = drill.watchers.boards[WARD].view["cases"][A]["quality"] or {}
    return not {CREW, HELICOPTER} & set(drill.watchers.picture().streams) and "video" not in quality.get("rung", "")


@dataclass(frozen=True)
class Run:
    performance: Performance
    entries: Sequence[Entry]
    report: Mapping[str, Any]
    seen: Seen
    darks: Sequence[Dark]
    ways: Mapping[str, tuple[Way, Way]]
    folder: Path

    def was_dark(self, place: int, at: datetime) -> bool:
        return self.darks[place].began_at < at < self.darks[place].ended_at

    def facts(self, kind: str, **fields: Any) -> list[Entry]:
        return [x for x in self.entries if x.kind == kind and all(x.body.get(f) == v for f, v in fields.items())]


@pytest.fixture(scope="module")
def run(g60: Scenario, ground: dict[bool, float], tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Played once."""
    on_the_road = {"fact": "casualty_boarded", "casualty": "$A"}
    in_the_air = {"fact": "casualty_transferred", "casualty": "$A"}
    scenario = inserted(
        g60,
        Step(0, "director", after=on_the_road, plus_s=10, fault="blackout"),
        Step(0, "director", after=in_the_air, plus_s=200, fault="blackout"),
    )
    drill, seen = Drill(scenario, tmp_path_factory.mktemp("thin") / "drill", RATE, line=LINE), Seen()
    drill.noticed = lambda: is_noticed(drill)

    async def perform() -> tuple[Performance, list[Entry]]:
        listen_on(["127.0.0.1"])
        async with drill.set_up():
            looking = asyncio.create_task(seen.look(drill))
            performance = await drill.perform()
            await until_waves_are_whole(drill)
            looking.cancel()
        return performance, drill.entries()  # of the whole book, now that the hub has ended

    try:
        performance, entries = asyncio.run(asyncio.wait_for(perform(), PATIENCE_S))
    finally:
        listen_on(None)
    report = make_report(
        scenario, entries, performance.played, performance.watched, rate=RATE, ground_s=ground[True],
        ground_open_s=ground[False],
    )  # fmt: skip
    ways = {unit: (relay.up, relay.down) for unit, relay in drill.relays.items()}
    return Run(performance, entries, report, seen, drill.darks, ways, drill.folder)


async def until_waves_are_whole(drill: Drill) -> None:
    """Until the hub has all that either vehicle has made."""
    async with httpx.AsyncClient(timeout=30) as client:

        async def told(door: Doorway, path: str) -> Any:
            return answer_of(await client.get(f"{door.url}/api/v1/{path}", headers=door.headers))

        for unit in (CREW, HELICOPTER):
            made, kept = (await told(drill.doors[f"crew:{unit}"], "ledger"))["waves_made"], 0
            while kept < made:
                await asyncio.sleep(0.2)
                runs: Any = await told(drill.doors["dispatcher"], f"waves/{unit}")
                kept = sum(run["live"] + run["back_filled"] for run in runs)


def kept_in(folder: Path) -> dict[int, Kept]:
    return {one.sequence: one for file in sorted(folder.glob("*.awr")) for one in read_kept(file)}


def test_every_expectation_of_the_drill_holds_and_every_step_is_done(run: Run) -> None:
    assert [(one["value"], one["actual"]) for one in run.report["expectations"] if not one["passed"]] == []
    assert len(run.report["expectations"]) >= 8
    assert [(one.step.number, one.step.ask, one.why) for one in run.performance.played if one.error] == []
    verify(iter(run.entries))


def test_the_link_was_as_bad_as_it_should_be(run: Run) -> None:
    assert set(run.ways) == {CREW, HELICOPTER} and len(run.darks) == 2
    for up, down in run.ways.values():
        assert up.passed_bytes > 100_000, "pictures and waves went this way"
        assert min(up.dropped, down.dropped) > 20


def test_no_numeric_is_lost_and_the_ledger_adds_up(run: Run) -> None:
    vitals = run.report["vitals"]
    assert vitals["sampled"] == vitals["stored"] == vitals["shown"] > 4000 and vitals["lost"] == 0
    rows = [(one.source.unit, one.source.epoch, one.source.seq) for one in run.entries if one.source]
    assert len(rows) == len(set(rows))
    lines = {line.unit: line for line in ledger(run.entries) if line.casualty == A}
    assert set(lines) == {CREW, HELICOPTER}
    for line in lines.values():
        assert line.counted is not None
        told = (line.counted.sampled, line.committed, line.screens[f"wall/{WARD}"].shown)
        assert told == (line.committed,) * 3, line
        assert (line.counted.unstored, line.counted.missing, line.counted.lost) == (0, 0, 0)


@pytest.mark.parametrize(("place", "unit"), [(0, CREW), (1, HELICOPTER)])
def test_what_was_measured_in_the_dark_came_when_it_was_over(run: Run, place: int, unit: str) -> None:
    since = run.darks[place].began_at + AHEAD
    measured = [x for x in run.facts("vitals_recorded", unit=unit) if x.at > since and run.was_dark(place, x.at)]
    assert len(measured) >= 60 and {x.body["casualty"] for x in measured} == {A}
    early = [x for x in measured if run.was_dark(place, x.recorded_at)]
    assert early == [], "nothing passes a link that is dead"


@pytest.mark.parametrize(("place", "unit"), [(0, CREW), (1, HELICOPTER)])
def test_no_picture_of_the_past_is_shown_and_pictures_are_back_after(run: Run, place: int, unit: str) -> None:
    (began_ms, ended_ms), stamps_ms = run.seen.darks_ms[place], run.seen.stamps_ms[unit]
    assert [ms for ms in stamps_ms if began_ms < ms < ended_ms - LAG_MS] == []
    assert any(ms > ended_ms for ms in stamps_ms)
    assert stamps_ms == sorted(stamps_ms)
    assert any(ms < run.seen.darks_ms[0][0] for ms in run.seen.stamps_ms[CREW]), "there were some to begin with"


@pytest.mark.parametrize(("place", "unit"), [(0, CREW), (1, HELICOPTER)])
def test_while_it_is_dark_the_ward_is_told_that_there_is_no_picture(run: Run, place: int, unit: str) -> None:
    dark = run.darks[place]
    assert (dark.ended_at - dark.began_at).total_seconds() < DARK_S_MAX * RATE, (
        "it was noticed, on wall and in the book"
    )
    told = [x for x in run.entries if x.kind in ("video_started", "video_stopped") and x.body["stream"] == unit]
    assert [x.kind for x in told if x.at <= dark.ended_at][-1] == "video_stopped"
    assert "video_started" in [x.kind for x in told if x.at > dark.ended_at]


@pytest.mark.parametrize("unit", [CREW, HELICOPTER])
def test_the_waves_are_whole_after_back_fill_and_as_the_vehicle_made_them(run: Run, unit: str) -> None:
    made, kept = kept_in(run.folder / unit / "waves"), kept_in(run.folder / "hub" / "waves" / unit)
    assert {number: one.message for number, one in kept.items()} == {n: one.message for n, one in made.items()}
    assert sorted(made) == list(range(len(made)))
    came = [one.how for one in kept.values()]
    assert came.count(How.BACK_FILLED) >= 25 and came.count(How.LIVE) > 0
