"""Find the best plan and its runner-up among many hospitals, landing sites and aircraft in a few milliseconds.

The same answer as `compare` on every hospital: numpy times all ways at once to well below a microsecond, and every way
that could be among the first two is then built and ranked exactly as `compare` does. Refused ways and their reasons are
left to `compare`; the driving times to the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from routing.air import Aircraft, LandingSite, Quantile, to_the_door, total_s
from routing.rendezvous.comparing import Sortie, Start, ground, starts
from routing.rendezvous.landings import Floats, Landings, distances_m, landing_at, radians, secured_s
from routing.rendezvous.plan import OPTIONS, Option, Plan, Refusal, option_of, rank
from routing.rendezvous.question import Question, given

#: Seconds by which numpy's sums and `compare`'s may differ at most: both are right to 1e-9 s on flights of a day.
CLOSE_S = 1e-6
_FIRST_BUILT = 3  # the winner, the runner-up, and one to see that it comes later


def search(landings: Landings, question: Question, drive_to_site_s: ArrayLike, drive_to_door_s: ArrayLike) -> Found:
    """All ways of one casualty to all doors of `landings`.

    `question` states everything but the hospital: its hospital, drives, sites, pad and onward are not looked at.
    Driving seconds from the scene stand in the order of `landings`; NaN = no way.
    """
    sites_s, doors_s = np.asarray(drive_to_site_s, np.float64), np.asarray(drive_to_door_s, np.float64)
    assert sites_s.shape == (len(landings.sites),) and doors_s.shape == (len(landings.doors),)
    drives = {site.id: _or_none(value) for site, value in zip(landings.sites, sites_s.tolist(), strict=True)}
    return Found(landings, replace(question, sites=landings.sites, drive_to_site_s=drives), sites_s, doors_s)


@dataclass(frozen=True)
class Found:
    """The answer of `search`: winners, built as plans when they are asked for."""

    landings: Landings
    question: Question
    drive_to_site_s: Floats
    drive_to_door_s: Floats

    @cached_property
    def best_two(self) -> tuple[Plan, ...]:
        """The earliest of all plans to all doors, and the next; fewer where there are fewer."""
        return self._first_two(np.arange(len(self.times_s)))

    @property
    def best(self) -> Plan | None:
        return self.best_two[0] if self.best_two else None

    @property
    def runner_up(self) -> Plan | None:
        return self.best_two[1] if len(self.best_two) > 1 else None

    def best_two_at(self, hospital: str, option: Option | None = None) -> tuple[Plan, ...]:
        """The earliest plan to one hospital and the next, of all or of one option. Raises KeyError for a hospital that
        is no door here."""
        row = self._rows[hospital]
        own = np.flatnonzero(self.landings.door_of_end == row)
        cells = np.arange(self._air_s.size).reshape(self._air_s.shape)[:, :, own]
        if option is not None:
            cells = cells[:, self._options[:, own] == OPTIONS.index(option)]
        road = [self._air_s.size + row] if option in (None, "ground") else []
        return self._first_two(np.append(cells.ravel(), np.array(road, np.int64)))

    def _first_two(self, cells: NDArray[np.int64]) -> tuple[Plan, ...]:
        return first_two(self.times_s[cells], lambda index: self.outcome(int(cells[index])))

    def question_at(self, row: int) -> Question:
        """What `compare` is asked for the hospital in this row."""
        asked = landing_at(self.question, self.landings.doors[row])
        return replace(asked, drive_to_door_s=_or_none(float(self.drive_to_door_s[row])))

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {door.hospital: row for row, door in enumerate(self.landings.doors)}

    @cached_property
    def _starts(self) -> list[Start]:
        return self.landings.starts + starts(replace(self.question, sites=()))

    @cached_property
    def _options(self) -> NDArray[np.int64]:
        """Starts x ends: the row of OPTIONS that a flight is."""
        second = [end.carry_on is not None or end.site.by_ambulance for end in self.landings.ends]
        flown = [[option_of(start.mode, start.site is None, late) for late in (False, True)] for start in self._starts]
        rows = np.array([[OPTIONS.index(option) for option in both] for both in flown], np.int64).reshape(-1, 2)
        return np.where(np.array(second, np.bool_), rows[:, 1:], rows[:, :1])

    @cached_property
    def times_s(self) -> Floats:
        """Every cell of `_air_s`, then the road to every door; infinity where there is no way."""
        roads_s = _never(self.question.on_scene_s + self.drive_to_door_s)
        return np.concatenate((self._air_s.ravel(), roads_s))

    @cached_property
    def _air_s(self) -> Floats:
        """Aircraft x starts x ends: seconds to the door, infinity where the way is refused."""
        aircraft = self.question.aircraft
        door_s = np.full((len(aircraft), len(self._starts), len(self.landings.ends)), np.inf)
        if not door_s.size:
            return door_s
        for row, sortie in enumerate(self.sorties):
            if not sortie.check.refused:
                land_s = self._stretches["p50"].down_s(sortie)
                door_s[row] = self._stretches["p50"].door_s(land_s)
                land_s = self.land_s(row, "p90") if self._dusk_matters(sortie.aircraft) else land_s
                door_s[row][self._may_not(sortie, land_s)] = np.inf
        return _never(door_s)

    @cached_property
    def sorties(self) -> list[Sortie]:
        """One per aircraft of the question."""
        return [Sortie.of(self.question, one) for one in self.question.aircraft]

    @cached_property
    def _stretches(self) -> dict[Quantile, _Stretches]:
        return {quantile: _Stretches(self, quantile) for quantile in ("p50", "p90")}

    def land_s(self, row: int, quantile: Quantile) -> Floats:
        """Starts x ends: until this aircraft (its row in the question) is down for the hospital, refused or not."""
        return self._stretches[quantile].down_s(self.sorties[row])

    def latest_s(self, row: int, quantile: Quantile) -> float:
        """By when this aircraft is down, wherever it flies: no land_s is later."""
        return self._stretches[quantile].latest_s(self.sorties[row])

    def _dusk_matters(self, aircraft: Aircraft) -> bool:
        return self.question.daylight_left_s is not None and not self.question.night and aircraft.night_capable is False

    def _may_not(self, sortie: Sortie, land_s: Floats) -> NDArray[np.bool_]:
        sites, pads = self.landings.refused(sortie.aircraft, night=self.question.night)
        own = [bool(sortie.check_start(start).refused) for start in self._starts[len(sites) :]]
        refused = np.append(sites, np.array(own, np.bool_))[:, None] | pads
        if self._dusk_matters(sortie.aircraft):
            assert self.question.daylight_left_s is not None
            refused |= land_s > self.question.daylight_left_s + CLOSE_S
        return refused

    def outcome(self, cell: int) -> Plan | Refusal:
        """What `compare` makes of one cell of `times_s`."""
        if cell >= self._air_s.size:
            return ground(self.question_at(cell - self._air_s.size))
        aircraft, row, column = (int(part) for part in np.unravel_index(cell, self._air_s.shape))
        start, end = self._starts[row], self.landings.ends[column]
        question = self.question_at(int(self.landings.door_of_end[column]))
        sortie = Sortie.of(question, question.aircraft[aircraft])
        check = sortie.check_start(start).also(sortie.check_end(end))
        if sortie.check.refused or check.refused:
            return Refusal(start.mode, question.hospital, sortie.check.refused + check.refused, start.site)
        return sortie.outcome(start, end, check)


class _Stretches:
    """What does not depend on the aircraft, at one quantile: arrays over starts and ends."""

    def __init__(self, found: Found, quantile: Quantile) -> None:
        self._found = found
        self._quantile: Quantile = quantile

    def down_s(self, sortie: Sortie) -> Floats:
        """Starts x ends: seconds until the aircraft is down at the end."""
        above_s = self._leaves_s(sortie)[:, None] + self._length_m * self._s_per_m(sortie)
        return np.maximum(above_s, self._end_secured_s) + sortie.flight.approach().at(self._quantile)

    def door_s(self, land_s: Floats) -> Floats:
        """Starts x ends: seconds until the patient is at the door."""
        return np.maximum(land_s + self._unloading_s, self._second_there_s) + self._last_s

    def latest_s(self, sortie: Sortie) -> float:
        """As down_s of the latest start and the longest leg, which nobody may fly; -infinity where nobody flies."""
        leaves_s = self._leaves_s(sortie)
        leaves_s = leaves_s[~np.isnan(leaves_s)]
        if not (leaves_s.size and self._length_m.size):
            return -np.inf
        above_s = leaves_s.max() + self._length_m.max() * self._s_per_m(sortie)
        return float(max(above_s, self._end_secured_s.max()) + sortie.flight.approach().at(self._quantile))

    def _s_per_m(self, sortie: Sortie) -> float:
        return 3.6 / sortie.flight.speed_kmh(self._quantile)

    def _leaves_s(self, sortie: Sortie) -> Floats:
        """Starts: seconds until the aircraft, with the patient on board, has climbed from there."""
        flight, quantile = sortie.flight, self._quantile
        approach_s, climb_s = flight.approach().at(quantile), flight.climb().at(quantile)
        ready_s = total_s(sortie.ready, quantile) + (0.0 if flight.flies else climb_s)
        out_m = distances_m(radians([sortie.aircraft.here]), self._start_radians)[0]
        above_s = ready_s + out_m * self._s_per_m(sortie)
        there_s = np.where(self._hoists, above_s, np.maximum(above_s, self._start_secured_s) + approach_s)
        return np.maximum(self._ground_arm_s, there_s) + self._taken_s + climb_s

    @cached_property
    def _start_radians(self) -> Floats:
        beyond = self._found._starts[len(self._found.landings.sites) :]
        own = radians(start.place for start in beyond)
        return np.concatenate((self._found.landings.site_radians, own))

    @cached_property
    def _length_m(self) -> Floats:
        landings = self._found.landings
        own = self._start_radians[len(landings.sites) :]
        return np.concatenate((landings.length_m, distances_m(own, landings.end_radians)))

    @cached_property
    def _hoists(self) -> NDArray[np.bool_]:
        return np.array([start.site is None for start in self._found._starts], np.bool_)

    @cached_property
    def _ground_arm_s(self) -> Floats:
        found, question = self._found, self._found.question
        drives = found.drive_to_site_s
        if self._quantile == "p90" and question.drive_to_site_range_s:
            ranges, sites = question.drive_to_site_range_s, found.landings.sites
            slow = [ranges[site.id][1] if site.id in ranges else np.nan for site in sites]
            drives = np.where(np.isnan(drives) | np.isnan(slow), drives, slow)
        none = np.zeros(len(found._starts) - len(drives))
        return question.on_scene_term().at(self._quantile) + np.concatenate((drives, none))

    @cached_property
    def _taken_s(self) -> Floats:
        times = self._found.question.times
        loading_s, hoist_s = (times.spread(name).at(self._quantile) for name in ("loading", "hoist"))
        return np.where(self._hoists, hoist_s, loading_s)

    @cached_property
    def _start_secured_s(self) -> Floats:
        landings, sites = self._found.landings, [start.site for start in self._found._starts]
        beyond = secured_s(sites[len(landings.sites) :])
        known_s = np.concatenate((landings.site_secured_s[self._quantile], beyond[self._quantile]))
        return known_s - self._sent_s_ago(sites)

    @cached_property
    def _end_secured_s(self) -> Floats:
        landings = self._found.landings
        return landings.end_secured_s[self._quantile] - self._sent_s_ago([end.site for end in landings.ends])

    def _sent_s_ago(self, sites: Sequence[LandingSite | None]) -> Floats:
        """Since somebody was sent to secure them."""
        sent_s = self._found.question.securing_s_ago
        return np.array([sent_s.get(site.id, 0.0) if site and sent_s else 0.0 for site in sites])

    @cached_property
    def _unloading_s(self) -> float:
        return self._found.question.times.spread("unloading").at(self._quantile)

    @cached_property
    def _second_there_s(self) -> Floats:
        ends = self._found.landings.ends
        return np.array([end.carry_on.there_s or 0.0 if end.carry_on else -np.inf for end in ends])

    @cached_property
    def _last_s(self) -> Floats:
        """From beside the aircraft to the door, or from when both it and the second ambulance are there."""
        times, quantile = self._found.question.times, self._quantile
        transfer_s, last_s = times.spread("transfer").at(quantile), []
        for site, carry_on in self._found.landings.ends:
            if carry_on is None:
                last_s.append(to_the_door(site, times).at(quantile))
            elif carry_on.drive_s is None:
                last_s.append(np.inf)
            else:
                drive = given("onward_drive", carry_on.drive_s, carry_on.drive_range_s)
                last_s.append(transfer_s + drive.at(quantile))
        return np.array(last_s)


def first_two(times_s: Floats, build: Callable[[int], Plan | Refusal]) -> tuple[Plan, ...]:
    """The first two plans by `rank`, built only as far as their approximate times leave a doubt."""
    finite, count = int(np.isfinite(times_s).sum()), _FIRST_BUILT
    built: dict[int, Plan | Refusal] = {}
    while True:
        count = min(count, finite)
        chosen = np.argpartition(times_s, count - 1)[:count] if count else np.arange(0)
        built |= {int(index): build(int(index)) for index in chosen if int(index) not in built}
        plans = sorted((one for one in built.values() if isinstance(one, Plan)), key=rank)
        settled = len(plans) > 1 and float(times_s[chosen].max()) > plans[1].door_s + CLOSE_S
        if count == finite or settled:
            return tuple(plans[:2])
        count *= 4


def _never(seconds: Floats) -> Floats:
    """Infinity where there is no way."""
    return np.where(np.isnan(seconds), np.inf, seconds)


def _or_none(seconds: float) -> float | None:
    return None if seconds != seconds else seconds
