"""Map matching: the way that was driven is found again under noise, and what no road explains is left out."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import numpy as np
import pytest
from drives import fixes_on, some_drive
from hypothesis import given
from hypothesis import strategies as st
from paper_towns import AT
from random_streets import random_streets

from routing.roads import Roadmap
from routing.traffic.matching import Fix, Matcher, Trip

SIGMA_M = 10.0


@cache
def town(seed: int) -> Roadmap:
    return random_streets(seed, 8)


def shares(roads: Roadmap, truth: Iterable[int], trips: list[Trip]) -> tuple[float, float]:
    """Of the driven metres, the share whose arcs were found; and the metres told that were not driven, as a share."""
    true = set(truth)
    found = true & {arc for trip in trips for arc in trip.arcs}
    beside_m = 0.0
    for trip in trips:
        ends_m = np.cumsum(roads.network.length_m[list(trip.arcs)])
        starts_m = np.concatenate(([0.0], ends_m[:-1]))
        told_m = np.maximum(0, np.minimum(ends_m, trip.along_m[-1]) - np.maximum(starts_m, trip.along_m[0]))
        beside_m += float(sum(m for arc, m in zip(trip.arcs, told_m.tolist(), strict=True) if arc not in true))
    true_m, found_m = (float(roads.network.length_m[sorted(arcs)].sum()) for arcs in (true, found))
    return found_m / true_m, beside_m / true_m


def accuracy(roads: Roadmap, seed: int, drives: int, every_s: float, least_m: float = 1500) -> tuple[float, float]:
    rng, found = np.random.default_rng(seed), []
    for _ in range(drives):
        fixes, truth = fixes_on(
            roads, some_drive(roads, rng, least_m, 6000), rng, every_s=every_s, sigma_m=SIGMA_M, mps=rng.uniform(8, 20)
        )
        found.append(shares(roads, truth, Matcher(roads).trips(fixes)))
    of_truth, beside = np.mean(found, axis=0)
    return float(of_truth), float(beside)


@pytest.mark.parametrize("every_s", [1.0, 15.0])
def test_nearly_all_of_a_drive_through_random_towns_is_found(every_s: float):
    found = np.array([accuracy(town(seed), seed, 6, every_s, 900) for seed in range(4)])
    assert found[:, 0].mean() > 0.985 and found[:, 1].mean() < 0.01


@pytest.mark.parametrize("every_s", [1.0, 15.0])
def test_nearly_all_of_a_drive_through_auckland_is_found(auckland: Roadmap, every_s: float):
    of_truth, beside = accuracy(auckland, 7, 10, every_s)
    assert of_truth > 0.985 and beside < 0.025


@given(st.integers(0, 200))
def test_without_noise_the_drive_is_found_in_order(seed: int):
    roads, rng = town(seed % 3), np.random.default_rng(seed)
    arcs = some_drive(roads, rng, 900, 3000)
    fixes, truth = fixes_on(roads, arcs, rng, every_s=2.0, sigma_m=0.0)
    (trip,) = Matcher(roads).trips(fixes)
    inner = truth[1:-1]  # at its ends a fix stands on a junction, where every arm is as near
    places = [index for index in range(len(trip.arcs)) if list(trip.arcs[index : index + len(inner)]) == inner]
    assert len(places) == 1
    assert trip.off_m.max() < 0.01


@given(st.integers(0, 200), st.sampled_from([1.0, 5.0, 15.0]))
def test_a_trip_is_a_drive(seed: int, every_s: float):
    roads, rng = town(seed % 3), np.random.default_rng(seed)
    fixes, _ = fixes_on(roads, some_drive(roads, rng, 900, 3000), rng, every_s=every_s, sigma_m=SIGMA_M)
    for trip in Matcher(roads).trips(fixes):
        arcs = np.array(trip.arcs)
        assert (roads.network.head[arcs[:-1]] == roads.network.tail[arcs[1:]]).all()
        assert (np.diff(trip.along_m) >= 0).all() and (np.diff(trip.fixes) > 0).all()
        assert trip.along_m[0] >= 0 and trip.along_m[-1] <= roads.network.length_m[arcs].sum() + 1e-6


def test_one_fix_far_off_does_not_break_the_drive():
    roads, rng = town(1), np.random.default_rng(1)
    fixes, truth = fixes_on(roads, some_drive(roads, rng, 900, 3000), rng, every_s=5.0, sigma_m=3.0)
    middle = len(fixes) // 2
    fixes[middle] = Fix(fixes[middle].at_s, fixes[middle].lat + 0.05, fixes[middle].lon)
    trips = Matcher(roads).trips(fixes)
    assert len(trips) == 1 and shares(roads, truth, trips)[0] > 0.99


def test_a_vehicle_that_vanishes_and_comes_back_elsewhere_made_two_trips():
    roads, rng = town(1), np.random.default_rng(2)
    fixes, _ = fixes_on(roads, some_drive(roads, rng, 900, 3000), rng, every_s=5.0, sigma_m=3.0)
    lost = [Fix(fix.at_s, fix.lat + 1.0, fix.lon) for fix in fixes[:5]]
    assert len(Matcher(roads).trips([*fixes, *lost, *fixes])) == 2


@pytest.mark.parametrize("fixes", [[], [Fix(0.0, 31.001, 121.001)], [Fix(float(s), 45.0, 9.0) for s in range(9)]])
def test_no_drive_without_fixes_on_the_roads(fixes: list[Fix]):
    assert Matcher(town(0)).trips(fixes) == []


def test_standing_still_is_no_drive_round_the_block():
    roads, rng = town(0), np.random.default_rng(3)
    lat, lon = float(roads.network.lat[0] + roads.network.lat[1]) / 2, float(roads.network.lon[:2].mean())
    noise = rng.normal(0, SIGMA_M / 111_195, (60, 2))
    fixes = [Fix(float(s), lat + north, lon + east) for s, (north, east) in enumerate(noise.tolist())]
    assert sum(float(trip.along_m[-1] - trip.along_m[0]) for trip in Matcher(roads).trips(fixes)) < 6 * SIGMA_M


def test_the_clock_plays_no_part():
    roads, rng = town(2), np.random.default_rng(4)
    fixes, _ = fixes_on(roads, some_drive(roads, rng, 900, 3000), rng, every_s=5.0, sigma_m=5.0)
    later = [Fix(fix.at_s + AT.timestamp(), fix.lat, fix.lon) for fix in fixes]
    one, other = Matcher(roads).trips(fixes), Matcher(roads).trips(later)
    assert [trip.arcs for trip in one] == [trip.arcs for trip in other]
