"""Speeds from our own vehicles: what a drive tells of the traffic, and what it must not tell."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache

import numpy as np
import pytest
from drives import fixes_on, some_drive
from hypothesis import given
from hypothesis import strategies as st
from paper_towns import AT
from random_streets import random_streets

from routing.roads import Roadmap
from routing.speeds import interval_by_class
from routing.traffic.floating import Floating, VehicleFix, observe
from routing.traffic.matching import Fix


@cache
def town() -> Roadmap:
    return random_streets(1, 8)


def reported(
    fixes: list[Fix], *, unit: str = "A1", siren: bool | None = False, since: datetime = AT
) -> list[VehicleFix]:
    return [VehicleFix(unit, since + timedelta(seconds=fix.at_s), fix.lat, fix.lon, siren) for fix in fixes]


def drive(
    seed: int, mps: float, every_s: float = 5.0, sigma_m: float = 5.0, siren: bool | None = False
) -> tuple[Floating, list[int]]:
    rng = np.random.default_rng(seed)
    arcs = some_drive(town(), rng, 1500, 4000)
    fixes, truth = fixes_on(town(), arcs, rng, every_s=every_s, sigma_m=sigma_m, mps=mps)
    return observe(town(), reported(fixes, siren=siren)), truth


@given(st.integers(0, 30), st.floats(4, 20), st.sampled_from([1.0, 5.0, 15.0]))
def test_the_speed_of_a_steady_drive_lies_within_the_range_that_is_told(seed: int, mps: float, every_s: float):
    floating, truth = drive(seed, mps, every_s)
    seen = floating.observed
    inside = np.isin(seen.arcs, truth)
    assert inside.mean() > 0.85
    within = (seen.low_kph <= mps * 3.6) & (mps * 3.6 <= seen.high_kph)
    assert within[inside].mean() > 0.8  # an interval of p10 to p90
    assert np.median(seen.kph[inside]) == pytest.approx(mps * 3.6, rel=0.1)


def test_most_of_the_drive_is_told_about():
    floating, truth = drive(3, 12.0)
    assert len(set(truth) & set(floating.observed.arcs.tolist())) > 0.7 * len(truth)
    assert floating.left_out.get("stands", 0) == floating.left_out.get("siren_unknown", 0) == 0


def test_of_a_run_with_siren_the_siren_is_taken_out_again():
    plain, _ = drive(3, 12.0)
    siren, _ = drive(3, 12.0, siren=True)
    factor = interval_by_class("primary", True)
    assert siren.observed.arcs.tolist() == plain.observed.arcs.tolist()
    assert siren.observed.kph == pytest.approx(plain.observed.kph / factor.likely)
    assert siren.observed.low_kph == pytest.approx(plain.observed.low_kph / factor.high)
    assert siren.observed.high_kph == pytest.approx(plain.observed.high_kph / factor.low)


def test_when_the_siren_is_not_known_nothing_is_learnt():
    floating, _ = drive(3, 12.0, siren=None)
    assert len(floating.observed) == 0 and floating.left_out["siren_unknown"] == floating.fixes > 0


def test_standing_at_the_scene_is_no_queue():
    rng = np.random.default_rng(3)
    arcs = some_drive(town(), rng, 1500, 3000)
    fixes, _ = fixes_on(town(), arcs, rng, every_s=5.0, sigma_m=0.0, mps=12.0)
    half = len(fixes) // 2
    stands = [Fix(fixes[half].at_s + 5.0 * n, fixes[half].lat, fixes[half].lon) for n in range(120)]
    onward = [Fix(fix.at_s + 600.0, fix.lat, fix.lon) for fix in fixes[half + 1 :]]
    floating = observe(town(), reported([*fixes[:half], *stands, *onward]))
    assert floating.left_out["stands"] >= 120
    assert len(floating.observed) and floating.observed.kph.min() == pytest.approx(12 * 3.6, rel=0.1)


def test_a_gap_in_the_fixes_tells_nothing_of_what_lies_between():
    rng = np.random.default_rng(3)
    fixes, _ = fixes_on(town(), some_drive(town(), rng, 1500, 3000), rng, every_s=5.0, sigma_m=0.0, mps=12.0)
    half = len(fixes) // 2
    late = [Fix(fix.at_s + 1200.0, fix.lat, fix.lon) for fix in fixes[half:]]
    assert observe(town(), reported([*fixes[:half], *late])).observed.kph.min() > 12 * 3.6 * 0.9


def test_two_vehicles_are_told_apart_and_the_order_of_fixes_does_not_matter():
    rng = np.random.default_rng(5)
    arcs = some_drive(town(), rng, 1500, 3000)
    one, _ = fixes_on(town(), arcs, rng, every_s=5.0, sigma_m=2.0, mps=12.0)
    later = AT + timedelta(minutes=5)
    both = [*reported(one), *reported(one, unit="A2", since=later)]
    mixed = [both[int(index)] for index in rng.permutation(len(both))]
    assert observe(town(), mixed).observed == observe(town(), both).observed
    assert (observe(town(), both).observed.seen_s >= later.timestamp()).all()


def test_fixes_far_from_every_road_are_counted():
    away = [Fix(float(5 * n), 45.0 + n / 1000, 9.0) for n in range(20)]
    assert observe(town(), reported(away)).left_out["off_the_roads"] == 20
