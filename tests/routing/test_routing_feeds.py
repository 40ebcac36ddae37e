"""Traffic feeds, row by row: what each shape says, and that a bad row is named, kept and harms no other."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from paper_towns import AT, Draw
from random_streets import random_streets

from casebook.errors import RefusedInput
from casebook.words import LANGUAGES, catalogue
from routing.roads import Roadmap
from routing.traffic import FREE_FLOW, Traffic
from routing.traffic.batch import CLOSED_FOR, Batch, read_batch
from routing.traffic.floating import FASTEST_KPH, SLOWEST_KPH

#: A street of four stretches west to east with a parallel one 400 m north, and a one-way between them.
NODES = {
    1: (31.0, 121.0), 2: (31.0, 121.005), 3: (31.0, 121.010), 4: (31.0, 121.015), 5: (31.0, 121.020),
    6: (31.004, 121.0), 7: (31.004, 121.020),
}  # fmt: skip
WAYS = [
    (11, [1, 2, 3, 4, 5], {"highway": "primary", "ref": "S1"}),
    (12, [6, 7], {"highway": "primary"}),
    (13, [1, 6], {"highway": "primary"}),
    (14, [5, 7], {"highway": "primary"}),
]
NOW = AT + timedelta(minutes=1)
SAID_AT = AT.isoformat()


@pytest.fixture
def roads(draw: Draw) -> Roadmap:
    return draw(NODES, WAYS)


def read(roads: Roadmap, raw: str | bytes, shape: str = "csv", known: Traffic = FREE_FLOW, **more: Any) -> Batch:
    body = raw.encode() if isinstance(raw, str) else raw
    return read_batch(roads, known, body, shape=shape, source="feed", now=more.pop("now", NOW), **more)


def speeds(roads: Roadmap, batch: Batch) -> dict[tuple[int, int], float]:
    """Edge (u, v) -> km/h that the batch told."""
    found: dict[tuple[int, int], float] = {}
    for seen in batch.observed.values():
        for arc, kph in zip(seen.arcs.tolist(), seen.kph.tolist(), strict=True):
            found[roads.edge_of(arc)[:2]] = kph
    return found


def refusals(batch: Batch) -> list[tuple[int, str, str]]:
    return [(one.line, one.column, one.why) for one in batch.report.refused]


# --- the shapes


def test_an_edge_a_way_and_a_line_say_the_same_place(roads: Roadmap):
    east = {(1, 2): 20.0, (2, 3): 20.0, (3, 4): 20.0, (4, 5): 20.0}
    way = read(roads, f"way,direction,speed_kph,at\n11,forward,20,{SAID_AT}\n")
    line = read(roads, f'line,speed_kph,at\n"LINESTRING(121.0 31.0, 121.02 31.0)",20,{SAID_AT}\n')
    edges = read(roads, "u,v,key,speed_kph,at\n" + "".join(f"{u},{v},0,20,{SAID_AT}\n" for u, v in east))
    assert speeds(roads, way) == speeds(roads, line) == speeds(roads, edges) == east
    assert way.report.rows == 1 and way.report.taken == 1 and way.report.arcs == 4


def test_the_other_direction_is_another_place(roads: Roadmap):
    line = json.dumps({"line": [[121.02, 31.0], [121.0, 31.0]], "speed_kph": 15, "at": SAID_AT})
    assert set(speeds(roads, read(roads, line, "jsonl"))) == {(5, 4), (4, 3), (3, 2), (2, 1)}


def test_a_line_means_the_arcs_that_it_covers_by_half(roads: Roadmap):
    line = json.dumps({"line": [[121.001, 31.00005], [121.0115, 31.00005]], "speed_kph": 15, "at": SAID_AT})
    assert set(speeds(roads, read(roads, line, "jsonl"))) == {(1, 2), (2, 3)}


def test_tomtom_s_answer_is_read(roads: Roadmap):
    answer = {
        "flowSegmentData": {
            "frc": "FRC2", "currentSpeed": 22, "freeFlowSpeed": 56, "currentTravelTime": 310,
            "freeFlowTravelTime": 120, "confidence": 0.95, "roadClosure": False,
            "coordinates": {"coordinate": [{"latitude": 31.0, "longitude": lon} for lon in (121.0, 121.01, 121.02)]},
        }
    }  # fmt: skip
    for raw in (answer, [answer]):
        batch = read(roads, json.dumps(raw), "tomtom")
        assert speeds(roads, batch) == {(1, 2): 22.0, (2, 3): 22.0, (3, 4): 22.0, (4, 5): 22.0}
    (seen,) = batch.observed.values()
    assert seen.seen_s.tolist() == [NOW.timestamp()] * 4
    assert seen.low_kph[0] == pytest.approx(22 / 1.1) and seen.high_kph[0] == pytest.approx(22 * 1.1)


def here(**flow: Any) -> str:
    points = [{"lat": 31.0, "lng": 121.0}, {"lat": 31.0, "lng": 121.01}]
    links = [{"points": points}, {"points": [points[1], {"lat": 31.0, "lng": 121.02}]}]
    told = {"speed": 5.0, "speedUncapped": 5.5, "freeFlow": 15.0, "jamFactor": 7.0, "confidence": 0.9}
    told |= {"traversability": "open"} | flow
    return json.dumps(
        {
            "sourceUpdated": "2021-04-18T01:30:00Z",
            "results": [{"location": {"shape": {"links": links}}, "currentFlow": told}],
        }
    )


def test_here_s_answer_is_read_in_metres_per_second(roads: Roadmap):
    batch = read(roads, here(), "here")
    assert speeds(roads, batch) == {(1, 2): 18.0, (2, 3): 18.0, (3, 4): 18.0, (4, 5): 18.0}
    (seen,) = batch.observed.values()
    assert seen.seen_s.tolist() == [AT.timestamp()] * 4


def test_a_speed_limit_dressed_as_a_speed_is_no_observation(roads: Roadmap):
    assert refusals(read(roads, here(confidence=0.5), "here")) == [(1, "confidence", "not_observed")]


def test_rows_may_name_their_own_source(roads: Roadmap):
    batch = read(roads, f"u,v,speed_kph,at,source\n1,2,20,{SAID_AT},loops\n2,3,30,{SAID_AT},\n")
    assert {source: len(seen) for source, seen in batch.observed.items()} == {"feed": 1, "loops": 1}


def test_a_confident_feed_has_a_narrow_range_and_a_stated_one_counts(roads: Roadmap):
    head = "u,v,speed_kph,at,confidence,low_kph,high_kph\n"
    batch = read(
        roads, head + f"1,2,20,{SAID_AT},0.95,,\n2,3,20,{SAID_AT},0.2,,\n3,4,20,{SAID_AT},,,\n4,5,20,{SAID_AT},,19,40\n"
    )
    (seen,) = batch.observed.values()
    range_of = {
        roads.edge_of(arc)[0]: (low, high)
        for arc, low, high in zip(seen.arcs.tolist(), seen.low_kph.tolist(), seen.high_kph.tolist(), strict=True)
    }
    widths = [high / low for low, high in (range_of[1], range_of[3], range_of[2])]
    assert widths == sorted(widths) and widths[0] > 1
    assert range_of[4] == (19.0, 40.0)


def test_nobody_s_speed_is_seen_against_a_one_way_road(draw: Draw):
    ways = [*WAYS, (15, [3, 7], {"highway": "residential", "oneway": "yes"})]
    batch = read(draw(NODES, ways), f"way,direction,speed_kph,at\n15,forward,20,{SAID_AT}\n15,backward,20,{SAID_AT}\n")
    assert batch.report.arcs == 1 and refusals(batch) == [(3, "way", "unknown_way")]


# --- closures


def test_a_feed_closes_a_road_for_a_while_and_opens_it_again(roads: Roadmap):
    head = "u,v,speed_kph,at,closed,segment\n"
    closed = read(roads, head + f"2,3,,{SAID_AT},true,S7\n")
    (closure,) = closed.closures
    assert (closure.id, closure.author, closure.since, closure.until) == ("feed:S7", "feed", AT, AT + CLOSED_FOR)
    assert [roads.edge_of(int(arc))[:2] for arc in closure.where.arcs(roads)] == [(2, 3)]
    traffic = closed.over(FREE_FLOW)
    assert traffic.holding(AT).closures and not traffic.holding(AT + CLOSED_FOR).closures
    later = (AT + timedelta(minutes=5)).isoformat()
    again = read(roads, head + f"2,3,,{later},true,S7\n", known=traffic, now=AT + timedelta(minutes=6))
    assert again.closures[0].since == AT  # it goes on, it does not begin anew
    opened = read(roads, head + f"2,3,30,{later},false,S7\n", known=traffic, now=AT + timedelta(minutes=6))
    assert opened.report.opened == ("feed:S7",)
    assert not opened.over(traffic).holding(AT + timedelta(minutes=6)).closures


# --- bad rows

BAD_CELLS = [
    ("1,2,0,nan,AT", "speed_kph", "not_a_number"),
    ("1,2,0,fast,AT", "speed_kph", "not_a_number"),
    ("1,2,0,inf,AT", "speed_kph", "not_a_number"),
    ("1,2,0,,AT", "speed_kph", "not_a_number"),
    ("1,2,0,-30,AT", "speed_kph", "speed"),
    ("1,2,0,0,AT", "speed_kph", "speed"),
    ("1,2,0,900,AT", "speed_kph", "speed"),
    ("98,99,0,30,AT", "u", "unknown_edge"),
    ("1,x,0,30,AT", "v", "not_a_number"),
    (f"{10**30},2,0,30,AT", "u", "not_a_number"),
    (",,,30,AT", "u", "no_where"),
    ("1,2,0,30,yesterday", "at", "no_instant"),
    ("1,2,0,30,2021-04-18T09:30:00", "at", "no_instant"),
    ("1,2,0,30,2021-04-18T12:30:00+00:00", "at", "future"),
    ("1,2,0,30,2021-04-17T12:30:00+00:00", "at", "too_old"),
    ("1,2,0,30", "-", "cells"),
]


@pytest.mark.parametrize(("row", "column", "why"), BAD_CELLS)
def test_a_bad_row_is_named_and_kept_and_the_good_ones_count(roads: Roadmap, row: str, column: str, why: str):
    row = row.replace("AT", SAID_AT)
    batch = read(roads, f"u,v,key,speed_kph,at\n2,3,0,30,{SAID_AT}\n{row}\n3,4,0,30,{SAID_AT}\n")
    assert set(speeds(roads, batch)) == {(2, 3), (3, 4)}
    assert refusals(batch) == [(3, column, why)]
    assert batch.report.refused[0].row == row
    for language in LANGUAGES:
        assert "{" not in batch.report.said(language) and "?" not in batch.report.said(language).replace("WGS-84?", "")


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ('{"way": 11, "direction": "up", "speed_kph": 20, "at": "AT"}', "direction"),
        ('{"way": 1000000000000000000000000, "direction": "forward", "speed_kph": 20, "at": "AT"}', "not_a_number"),
        ('{"way": 12345, "direction": "forward", "speed_kph": 20, "at": "AT"}', "unknown_way"),
        ('{"line": [[121.0, 31.0]], "speed_kph": 20, "at": "AT"}', "line"),
        ('{"line": [[121.0, 91.0], [121.0, 92.0]], "speed_kph": 20, "at": "AT"}', "line"),
        ('{"line": [[121.0, 32.0], [121.02, 32.0]], "speed_kph": 20, "at": "AT"}', "off_roads"),
        ('{"line": [[121.0, 31.002], [121.02, 31.002]], "speed_kph": 20, "at": "AT"}', "off_roads"),
        ('{"line": [[121.001, 31.004], [121.004, 31.004]], "speed_kph": 20, "at": "AT"}', "short"),
        ('{"u": 1, "v": 2, "speed_kph": NaN, "at": "AT"}', "not_a_number"),
        ('{"u": 1, "v": 2, "speed_kph": true, "at": "AT"}', "not_a_number"),
        ('{"u": 1, "v": 2, "speed_kph": 20, "confidence": 7, "at": "AT"}', "share"),
        ('{"u": 1, "v": 2, "speed_kph": 20, "low_kph": 30, "at": "AT"}', "range"),
        ('{"u": 1, "v": 2, "speed_kph": 20, "closed": "perhaps", "at": "AT"}', "not_yes_or_no"),
        ("[1, 2]", "json"),
        ("{", "json"),
    ],
)
def test_a_bad_json_line_says_why(roads: Roadmap, row: str, why: str):
    batch = read(roads, row.replace("AT", SAID_AT), "jsonl")
    assert [one.why for one in batch.report.refused] == [why] and not batch.observed


def test_every_reason_has_its_words():
    whys = {why for _, _, why in BAD_CELLS} | {"back_in_time", "duplicate", "superseded", "contradicted", "no_unit"}
    for language in LANGUAGES:
        assert {f"routing.feed.{why}" for why in whys} <= set(catalogue(language))


def test_a_batch_with_a_bad_row_can_be_refused_as_a_whole(roads: Roadmap):
    with pytest.raises(RefusedInput) as refused:
        read(roads, f"u,v,speed_kph,at\n2,3,30,{SAID_AT}\n1,2,-4,{SAID_AT}\n", whole=True)
    assert refused.value.key == "feed_refused" and "line 3" in refused.value.said("en")


# --- bad batches


@pytest.mark.parametrize(
    ("raw", "shape", "key"),
    [
        (b"", "csv", "feed_empty"),
        (b"u,v,speed_kph,at\n", "csv", "feed_empty"),
        (b"\n\n", "jsonl", "feed_empty"),
        (b'{"sourceUpdated":null,"results":[]}', "here", "feed_empty"),
        ("道路,v,speed_kph,at\n1,2,3,4".encode("gb18030"), "csv", "feed_encoding"),
        ("u,v,speed_kph,at\n1,2,3,4".encode("utf-16"), "csv", "feed_encoding"),
        (b"u,v,speed\n1,2,3\n", "csv", "feed_columns"),
        (b'u,v,speed_kph,at\n"1,2,3', "csv", "feed_columns"),
        (b"<html>", "here", "feed_json"),
        (b"[]", "here", "feed_json"),
        (b"x", "morse", "bad_field"),
    ],
)
def test_a_batch_that_is_none_is_refused(roads: Roadmap, raw: bytes, shape: str, key: str):
    with pytest.raises(RefusedInput) as refused:
        read(roads, raw, shape)
    assert refused.value.key == key
    assert refused.value.said("zh") != refused.value.said("en")


def test_a_byte_order_mark_is_no_column(roads: Roadmap):
    assert speeds(roads, read(roads, b"\xef\xbb\xbf" + f"u,v,speed_kph,at\n2,3,30,{SAID_AT}\n".encode())) == {
        (2, 3): 30
    }


# --- a feed against itself and against what is known


def test_a_feed_that_jumps_back_in_time_tells_nothing_new(roads: Roadmap):
    known = read(roads, f"u,v,speed_kph,at\n2,3,30,{SAID_AT}\n").over(FREE_FLOW)
    before = (AT - timedelta(minutes=3)).isoformat()
    back = read(roads, f"u,v,speed_kph,at\n2,3,50,{before}\n3,4,50,{before}\n", known=known)
    assert refusals(back) == [(2, "at", "back_in_time")]
    assert speeds(roads, back) == {(3, 4): 50.0}


def test_the_same_word_twice_is_a_duplicate(roads: Roadmap):
    row = f"2,3,30,{SAID_AT}\n"
    batch = read(roads, "u,v,speed_kph,at\n" + row * 2)
    assert refusals(batch) == [(3, "at", "duplicate")] and batch.report.taken == 1
    again = read(roads, "u,v,speed_kph,at\n" + row, known=batch.over(FREE_FLOW))
    assert refusals(again) == [(2, "at", "duplicate")]
    assert again.over(FREE_FLOW) is FREE_FLOW


def test_of_two_words_the_newer_counts_and_the_later_line_on_a_tie(roads: Roadmap):
    older = (AT - timedelta(minutes=1)).isoformat()
    rows = [f"2,3,30,{SAID_AT}", f"2,3,40,{older}", f"3,4,30,{SAID_AT}", f"3,4,35,{SAID_AT}"]
    batch = read(roads, "\n".join(["u,v,speed_kph,at", *rows]))
    assert speeds(roads, batch) == {(2, 3): 30.0, (3, 4): 35.0}
    assert refusals(batch) == [(3, "at", "superseded"), (4, "at", "contradicted")]


def test_a_feed_s_clock_may_be_a_little_ahead(roads: Roadmap):
    batch = read(roads, f"u,v,speed_kph,at\n2,3,30,{(NOW + timedelta(seconds=40)).isoformat()}\n")
    (seen,) = batch.observed.values()
    assert seen.seen_s.tolist() == [NOW.timestamp()]


@pytest.fixture(scope="session")
def few_streets() -> Roadmap:
    return random_streets(5, 3)


cells = st.one_of(
    st.sampled_from(["", "1", "2", "3", "nan", "-1", "1e400", "121.0 31.0", SAID_AT, "true", "\x00", "路"]),
    st.text(max_size=8),
)


@given(st.lists(st.lists(cells, min_size=4, max_size=8), max_size=4))
def test_whatever_comes_in_nothing_unsound_gets_out(few_streets: Roadmap, rows: list[list[str]]):
    head = "u,v,speed_kph,at,line,way,direction,closed"
    body = "\n".join([head, *(",".join(row).replace('"', "").replace("\n", " ").replace("\r", " ") for row in rows)])
    try:
        batch = read(few_streets, body.encode(errors="replace"))
    except RefusedInput:
        return
    assert batch.report.rows == batch.report.taken + len(batch.report.refused)
    for seen in batch.observed.values():
        assert np.isfinite(seen.kph).all()
        assert (seen.low_kph >= SLOWEST_KPH).all() and (seen.high_kph <= FASTEST_KPH).all()
        assert (seen.seen_s <= NOW.timestamp()).all()
