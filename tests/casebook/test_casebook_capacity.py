"""A count ages: how likely a bay is still free on arrival, and what is said of it. Unknown is never free."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casebook import events as e
from casebook.capacity import AGE_LIMIT_S, Closure, Figure, Hold, free_now, resource_table
from casebook.capacity.ageing import PLACES_MAX, base_rate, p_free_on_arrival
from casebook.capacity.resources import Resource, load_resources
from casebook.capacity.standing import percent, said, standing, standings
from casebook.errors import RefusedInput
from casebook.picture import Occasion, Picture, fold
from casebook.place import Place

NOON = datetime(2021, 4, 18, 4, 0, tzinfo=UTC)
BAY = resource_table().get("resus_bay")
PLACES = [row for row in resource_table().resources if not row.is_load]
TOLERANCE = 1e-7  # what the eigenvalues of the largest wards leave

rows = st.sampled_from(PLACES)
totals = st.integers(1, 60)
seconds = st.integers(0, 6 * 3600)


def figure(free: int | None, total: int | None = 5, age_s: float = 0, in_use: int | None = None) -> Figure:
    return Figure(free, total, NOON - timedelta(seconds=age_s), "ed:sister Li", "board", in_use)


def chance(free: int, total: int | None, held: int, arrival_s: float, age_s: float, row: Resource = BAY) -> float:
    found = p_free_on_arrival(figure(free, total), held, arrival_s, age_s, row)
    assert found is not None and 0.0 <= found <= 1.0
    return found


# --- the chance


def test_a_count_of_this_instant_is_true_at_this_instant():
    assert chance(1, 5, 0, 0, 0) == pytest.approx(1.0)
    assert chance(0, 5, 0, 0, 0) == pytest.approx(0.0)
    assert chance(2, 5, 2, 0, 0) == pytest.approx(0.0), "both are held for others"


def test_what_is_not_known_has_no_chance():
    assert p_free_on_arrival(None, 0, 0, 0, BAY) is None
    assert p_free_on_arrival(figure(None), 0, 0, 0, BAY) is None
    patients = resource_table().get("resuscitation")
    assert p_free_on_arrival(figure(None, None, in_use=3), 0, 0, 0, patients) is None


@given(rows, totals, st.data(), st.integers(0, 4), seconds, seconds)
def test_more_free_is_never_less_likely(row, total, data, held, arrival_s, age_s):
    free = data.draw(st.integers(0, total - 1))
    fewer, more = (chance(n, total, held, arrival_s, age_s, row) for n in (free, free + 1))
    assert more >= fewer - TOLERANCE


@given(rows, st.integers(0, 60), st.integers(0, 4), seconds, seconds)
def test_more_free_is_never_less_likely_where_the_total_is_not_known(row, free, held, arrival_s, age_s):
    fewer, more = (chance(n, None, held, arrival_s, age_s, row) for n in (free, free + 1))
    assert more >= fewer - TOLERANCE


@given(rows, totals, st.data(), st.integers(0, 4), seconds, seconds)
def test_one_more_bay_never_worsens_a_hospital(row, total, data, held, arrival_s, age_s):
    free = data.draw(st.integers(0, total))
    before, after = (
        chance(free, total, held, arrival_s, age_s, row),
        chance(free + 1, total + 1, held, arrival_s, age_s, row),
    )
    assert after >= before - 1e-6


@given(rows, totals, st.data(), seconds, seconds)
def test_one_more_hold_is_never_more_likely(row, total, data, arrival_s, age_s):
    free, held = data.draw(st.integers(0, total)), data.draw(st.integers(0, total))
    assert (
        chance(free, total, held + 1, arrival_s, age_s, row)
        <= chance(free, total, held, arrival_s, age_s, row) + TOLERANCE
    )


@given(rows, totals, st.data(), st.integers(0, 4), seconds, st.integers(0, 20))
def test_with_each_half_life_of_age_at_most_half_of_what_was_known_is_left(row, total, data, held, arrival_s, halves):
    free = data.draw(st.integers(0, total))
    base = base_rate(figure(free, total), held, row)
    assert base is not None
    away = abs(chance(free, total, held, arrival_s, halves * row.half_life_s, row) - base)
    assert away <= 0.5**halves + TOLERANCE


@given(rows, totals, seconds, seconds, seconds)
def test_all_taken_only_gets_better_with_age_and_all_free_only_worse(row, total, arrival_s, younger, more):
    older = younger + more
    assert chance(0, total, 0, arrival_s, older, row) >= chance(0, total, 0, arrival_s, younger, row) - TOLERANCE
    assert (
        chance(total, total, 0, arrival_s, older, row) <= chance(total, total, 0, arrival_s, younger, row) + TOLERANCE
    )


def test_the_base_rate_is_erlangs_formula():
    """One place wanted 0.177 times an hour for 215 min: taken a/(1 + a) of the time (Erlang B for one server)."""
    load = BAY.inflow_per_h * BAY.occupancy_min / 60  # type: ignore[operator]
    assert base_rate(figure(0, 1), 0, BAY) == pytest.approx(1 - load / (1 + load))
    five = [(5 * load) ** n / math.factorial(n) for n in range(6)]
    assert base_rate(figure(3, 5), 0, BAY) == pytest.approx(1 - five[5] / sum(five))


@pytest.mark.parametrize(("free", "held", "arrival_s"), [(1, 0, 1800), (0, 0, 2700), (3, 1, 3600)])
def test_the_formula_is_what_a_simulated_ward_does(free: int, held: int, arrival_s: int):
    """The chain walked by hand, 4,000 times with a fixed seed, against the formula at no age (nothing forgotten)."""
    total, dice, left = 4, random.Random(7), 0
    wanted, leaves = total * BAY.inflow_per_h / 3600, 1 / (BAY.occupancy_min * 60)  # type: ignore[operator]
    for _ in range(4000):
        taken, now = total - free, 0.0
        while True:
            births = wanted if taken < total else 0.0
            now += dice.expovariate(births + taken * leaves) if births + taken else math.inf
            if now > arrival_s:
                break
            taken += 1 if dice.random() < births / (births + taken * leaves) else -1
        left += taken <= total - held - 1
    assert left / 4000 == pytest.approx(chance(free, total, held, arrival_s, 0), abs=0.03)


def test_a_ward_too_large_to_reckon_whole_is_reckoned_by_its_free_places_first():
    whole, part = chance(2, 400, 0, 900, 300, BAY), chance(2, PLACES_MAX, 0, 900, 300, BAY)
    assert whole == part
    assert chance(399, 400, 0, 900, 300, BAY) > 0.99


# --- the facts


def told(*facts: e.Event) -> Figure:
    picture = Picture()
    opening = e.HospitalEnrolled("sgh", "市一", "SGH", Place(31.0, 121.2), ())
    for seq, fact in enumerate([opening, *facts], start=1):
        picture = fold(picture, fact, Occasion(seq, NOON + timedelta(minutes=seq), f"ed:nurse {seq}"))
    return picture.hospitals["sgh"].figures["ct"]


def test_a_count_of_an_older_log_still_folds():
    old = {"hospital": "sgh", "resource": "ct", "free": 1, "total": 2, "source": "board"}
    assert told(e.decode("capacity_reported", old)) == Figure(1, 2, NOON + timedelta(minutes=2), "ed:nurse 2", "board")


def test_a_count_is_as_old_as_when_it_was_stated_and_its_authors():
    figure = told(e.CapacityReported("sgh", "ct", 1, 2, "import", 1, "doctor Wu", NOON))
    assert (figure.at, figure.by, figure.in_use) == (NOON, "doctor Wu", 1)


def test_a_count_stated_before_the_one_that_stands_changes_nothing():
    stands = e.CapacityReported("sgh", "ct", 2, 2)
    assert told(stands, e.CapacityReported("sgh", "ct", 0, 2, "import", None, "Wu", NOON)).free == 2
    assert (
        told(stands, e.CapacityReported("sgh", "ct", 0, 2, "import", None, "Wu", NOON + timedelta(minutes=2))).free == 0
    )


# --- the table


def test_every_resource_names_its_sources_and_assumptions_are_marked():
    table = resource_table()
    for row in table.resources:
        named = (row.limit,) if row.is_load else (row.limit, row.flow, row.ageing)
        assert all(table.sources[name].text for name in named)
    assert table.sources["assumed"].mark == "assumption"
    assert set(AGE_LIMIT_S) == set(table.rows)


@pytest.mark.parametrize(
    ("wrong", "said_so"),
    [
        ("flow: brisbane, ageing: nobody", "no such source"),
        ("flow: brisbane, ageing: brisbane, inflow_per_h: -1", "above 0"),
        ("flow: brisbane, ageing: brisbane, counts: patients", "no inflow"),
        ("flow: brisbane, ageing: brisbane, colour: red", "colour"),
        ("flow: brisbane, ageing: brisbane}\n  - {id: bay, counts: places, limit_s: 900, limit: brisbane, "
         "inflow_per_h: 1, occupancy_min: 1, half_life_min: 1, typical_total: 1, flow: brisbane, ageing: brisbane",
         "stands twice"),
    ],
)  # fmt: skip
def test_a_table_that_cannot_be_right_is_refused_with_its_place(tmp_path: Path, wrong: str, said_so: str):
    row = "id: bay, limit_s: 900, limit: brisbane, typical_total: 4"
    for name, value in (
        ("counts", "places"),
        ("inflow_per_h", "0.1"),
        ("occupancy_min", "60"),
        ("half_life_min", "30"),
    ):
        row += "" if f"{name}:" in wrong.split("\n")[0] else f", {name}: {value}"
    file = tmp_path / "resources.yaml"
    head = "table: resources\nvalid_from: 2026-01-01\nsources: {brisbane: {mark: B, text: a count}}\nresources:\n"
    file.write_text(f"{head}  - {{{row}, {wrong}}}\n", encoding="utf-8")
    with pytest.raises(RefusedInput) as caught:
        load_resources(file)
    assert said_so in caught.value.said("en") and "resources.yaml" in caught.value.said("zh")


# --- what is said


def test_it_is_said_as_free_age_and_chance_in_both_languages():
    one = standing("resus_bay", figure(2, 5, age_s=360), 0, NOON, arrival_in_s=900)
    assert said(one, "en") == f"2 free, 6 min old, {percent(one.p_free or 0)} % at your arrival"
    assert said(one, "zh") == f"空2，6分钟前，您到达时仍有空的可能{percent(one.p_free or 0)}%"


def test_nobody_is_promised_a_bay_and_nobody_is_told_never():
    assert percent(1.0) == 99 and percent(0.0) == 1 and percent(0.841) == 84


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(
    ("stated", "resource", "state"),
    [
        (None, "resus_bay", "unknown"),
        (figure(None), "resus_bay", "unknown"),
        (figure(2, 5, age_s=901), "resus_bay", "stale"),
        (figure(2, 5), "resus_bay", "known"),
        (figure(None, None, in_use=3), "resuscitation", "known"),
        (figure(None, None), "resuscitation", "unknown"),
    ],
)
def test_every_state_has_its_words(stated, resource, state, language):
    closed = {"*": Closure("*", "power cut", None, NOON, "ed:x")}
    one = standing(resource, stated, 1, NOON, closures=closed)
    assert one.state == state and "power cut" in said(one, language) and "?" not in said(one, language)
    assert (one.left is not None) == (state == "known" and resource == "resus_bay")


def test_a_stale_count_is_not_free_but_still_has_a_chance():
    old = figure(2, 5, age_s=901)
    assert free_now(old, 0, "resus_bay", NOON) is None
    assert standing("resus_bay", old, 0, NOON).p_free is not None


def test_what_is_in_use_is_what_was_said_else_what_is_not_free():
    assert figure(2, 5).taken == 3
    assert figure(2, 5, in_use=2).taken == 2, "one is being cleaned"
    assert figure(2, None).taken is None and figure(None, 5).taken is None


def test_a_hospital_is_shown_with_every_resource_its_holds_and_its_closures():
    holds = [Hold("sgh", "ct", 1, "A", NOON + timedelta(hours=1)), Hold("sgh", "ct", 2, "B", NOON - timedelta(hours=1)),
             Hold("other", "ct", 1, "C", NOON + timedelta(hours=1))]  # fmt: skip
    closures = {"ct": Closure("ct", "down", NOON + timedelta(hours=1), NOON, "x")}
    row = standings("sgh", {"ct": replace(figure(2, 2), source="import")}, closures, holds, NOON)
    assert list(row) == list(resource_table().rows)
    assert (row["ct"].held, row["ct"].left, row["ct"].source) == (1, 1, "import")
    assert row["ct"].closure is not None and row["theatre"].closure is None
    assert row["theatre"].state == "unknown"
    later = standings("sgh", {}, closures, (), NOON + timedelta(hours=1))
    assert later["ct"].closure is None, "a closure ends by itself"
