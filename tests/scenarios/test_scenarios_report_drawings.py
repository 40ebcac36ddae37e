"""The laws of the report's drawings: labels keep apart, no peak and no gap is lost, the map is true to scale."""

from __future__ import annotations

import math
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_case import SCENE, SITE, START, at

from casebook.log import By, Entry
from casebook.place import Place, distance_m
from scenarios.report_page.axis import TimeAxis, shelved, staircase
from scenarios.report_page.chart_map import place_at
from scenarios.report_page.chart_vitals import cuff_readings, runs, series, thinned
from scenarios.report_page.lanes import bars_of
from scenarios.report_page.map_ground import HEIGHT, WIDTH, framed
from scenarios.report_page.markup import Html, join, number, points, tag
from scenarios.report_page.voice import Voice, shortened, width_em

FONT = 12.0
MARKS = st.lists(
    st.tuples(st.floats(0, 900), st.sampled_from(["接警", "unit at the landing site", "x", "交接完成 ok"]))
)


@given(MARKS)
def test_no_label_touches_another_and_no_pole_crosses_a_label(marks: list[tuple[float, str]]) -> None:
    flags = staircase(marks, FONT, right=1200)
    assert [flag.x for flag in flags] == [x for x, _ in marks]
    for i, flag in enumerate(flags):
        end = flag.x + width_em(flag.text) * FONT
        for j, other in enumerate(flags):
            if i != j and flag.x < other.x < end:
                assert other.row < flag.row, "a pole that stands within a label ends above it"
            if i != j and other.x == flag.x:
                assert other.row != flag.row


@given(MARKS.map(sorted))
def test_labels_without_poles_keep_apart_in_their_rows(marks: list[tuple[float, str]]) -> None:
    flags = shelved(marks, FONT)
    for row in {flag.row for flag in flags}:
        mine = [flag for flag in flags if flag.row == row]
        assert all(a.x + width_em(a.text) * FONT <= b.x for a, b in pairwise(mine))


@given(st.text(), st.floats(1, 40))
def test_a_shortened_text_fits_or_is_hardly_more_than_its_ellipsis(text: str, most_em: float) -> None:
    short = shortened(text, most_em)
    assert short == text or (short.endswith("…") and (width_em(short) <= most_em + 0.3 or len(short) <= 1))


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 200)), min_size=1, max_size=400), st.integers(2, 50))
def test_thinning_keeps_every_peak(line: list[tuple[float, float]], most: int) -> None:
    line = sorted(line)
    thin = thinned(line, most)
    assert set(thin) <= set(line)
    assert min(y for _, y in thin) == min(y for _, y in line) and max(y for _, y in thin) == max(y for _, y in line)
    assert [x for x, _ in thin] == sorted(x for x, _ in thin)


@given(st.lists(st.integers(1, 40), max_size=60))
def test_a_curve_is_cut_exactly_where_nothing_came_for_longer_than_the_gap(steps: list[int]) -> None:
    instants = [START]
    for step in steps:
        instants.append(instants[-1] + timedelta(seconds=step))
    cut = runs([(one, 1.0) for one in instants], gap_s=15)
    assert [one for run in cut for one, _ in run] == instants
    assert len(cut) == 1 + sum(step > 15 for step in steps)


def sample(seconds: float, **vitals: object) -> Entry:
    body = {"casualty": "I1-A", "unit": "A01", "vitals": vitals}
    return Entry(1, "vitals_recorded", 1, body, at(seconds), at(seconds), By("paramedic", "A01"))


def test_a_field_that_was_not_measured_has_no_point() -> None:
    samples = [sample(1, hr_bpm=100), sample(2, spo2_pct=95), sample(3, hr_bpm=101, spo2_pct=None)]
    assert series(samples, "hr_bpm") == [(at(1), 100.0), (at(3), 101.0)]
    assert series(samples, "spo2_pct") == [(at(2), 95.0)]


def test_a_cuff_reading_is_drawn_once_and_where_the_cuff_measured() -> None:
    told = {"sbp_mmhg": 90, "dbp_mmhg": 60, "nibp_at": at(30).isoformat()}
    samples = [
        sample(40, **told),
        sample(41, **told),
        sample(200, sbp_mmhg=95, dbp_mmhg=61, nibp_at=at(190).isoformat()),
    ]
    assert cuff_readings(samples) == [(at(30), 90, 60), (at(190), 95, 61)]
    assert cuff_readings([sample(40, sbp_mmhg=90, dbp_mmhg=60)]) == [], "a line in the artery measures all the time"


def test_bars_say_what_was_done_until_the_next_known_fact() -> None:
    times = {"unit_assigned": at(60), "unit_acknowledged": at(65), "unit_en_route": at(70), "unit_on_scene": at(275)}
    told = [(bar.start, bar.end, bar.doing) for bar in bars_of(times, at(300))]
    assert told == [(at(60), at(70), "told"), (at(70), at(275), "moving"), (at(275), at(300), "scene")]
    (short,) = bars_of({"unit_assigned": at(60), "unit_stood_down": at(100)}, at(300))
    assert (short.start, short.end) == (at(60), at(100))


def test_ticks_are_whole_steps_from_the_crash_as_close_as_can_be_read() -> None:
    axis = TimeAxis(START, at(30 * 60), 0, 1000)
    assert [(tick - START).total_seconds() / 60 for tick in axis.ticks()] == list(range(0, 31, 2))
    assert TimeAxis(START, at(300 * 60), 0, 1000).ticks()[1] == at(30 * 60)
    assert axis.x(at(15 * 60)) == 500 and axis.clamped(at(9999)) == 1000


@pytest.mark.parametrize(
    "places", [[(121.0, 30.86)], [(121.0, 30.86), (121.24, 31.04)], [(121.0, 30.86), (121.0, 31.5)]]
)
def test_the_map_holds_every_place_and_is_true_to_scale_both_ways(places: list[tuple[float, float]]) -> None:
    frame = framed(places)
    assert frame is not None and all(frame.shows(lon, lat) for lon, lat in places)
    x, y = frame.at(frame.west, frame.north)
    assert (x, y) == pytest.approx((0, 0)) and frame.at(frame.east, frame.south) == pytest.approx((WIDTH, HEIGHT))
    middle = (frame.south + frame.north) / 2
    down = distance_m(Place(frame.south, frame.west), Place(frame.north, frame.west)) / HEIGHT
    across = distance_m(Place(middle, frame.west), Place(middle, frame.east)) / WIDTH
    assert across == pytest.approx(down, rel=1e-3) and frame.m_per_px == pytest.approx(across)


def test_nothing_that_happened_anywhere_has_no_map() -> None:
    assert framed([]) is None


def test_a_vehicle_is_between_its_fixes_and_nowhere_before_or_after() -> None:
    fixes = [(at(0), SCENE.lat, SCENE.lon), (at(100), SITE.lat, SITE.lon)]
    middle = place_at(fixes, at(50))
    assert middle is not None and middle.lat == pytest.approx((SCENE.lat + SITE.lat) / 2)
    assert place_at(fixes, at(-1)) is None and place_at(fixes, at(101)) is None


@given(st.lists(st.tuples(st.floats(-50, 1300), st.floats(-50, 700)), min_size=2, max_size=30))
def test_a_path_leads_through_its_points(line: list[tuple[float, float]]) -> None:
    path = points(line)
    places = [(round(x * 10), round(y * 10)) for x, y in line]
    if len([1 for a, b in pairwise(places) if a != b]) == 0:
        assert path == ""
        return
    numbers = [float(one) for one in path.replace("M", "").replace("l", " ").replace("-", " -").split()]
    x, y = numbers[0], numbers[1]
    for dx, dy in zip(numbers[2::2], numbers[3::2], strict=True):
        x, y = x + dx, y + dy
    assert math.dist((x, y), (places[-1][0] / 10, places[-1][1] / 10)) < 1e-6


@given(st.text(), st.text())
def test_text_and_attributes_are_escaped_and_only_html_is_not(text: str, attribute: str) -> None:
    written = tag("p", text, title=attribute)
    inside = written.removeprefix("<p title=").removesuffix("</p>")
    assert "<" not in inside and inside.count(">") == 1
    assert join(written, None, [text]) == written + join(text) and isinstance(written, Html)


def test_numbers_are_short() -> None:
    assert [number(one) for one in (1.0, 1.25, -0.04, 100.06)] == ["1", "1.2", "0", "100.1"]


@pytest.mark.parametrize(("seconds", "told"), [(0, "T+0:00"), (65.4, "T+1:05"), (-5, "T-0:05"), (3725, "T+62:05")])
def test_t_plus_counts_from_the_crash_in_minutes(seconds: float, told: str) -> None:
    voice = Voice("en", START)
    assert voice.plus(at(seconds)) == told
    assert voice.clock(at(0)) == "09:30:00" and voice.plus(None) == voice.clock(None) == "–"


def test_spans_are_minutes_and_seconds_below_one() -> None:
    voice = Voice("en", START)
    assert [voice.span(one) for one in (20, 59, 60, 1680, None)] == ["20 s", "59 s", "1.0 min", "28.0 min", "–"]
    assert voice.limit(300) == "5 min" and voice.limit(90) == "1.5 min"
