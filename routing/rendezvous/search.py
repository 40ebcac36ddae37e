"""Find the best plan and its runner-up among many hospitals, landing sites and aircraft in a few milliseconds.

The same answer as `compare` on every hospital: numpy times all ways at once to well below a microsecond, and every way
that could be among the first two is then built and ranked exactly as `compare` does. Refused ways and their reasons are
left to `compare`; the driving times to the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from routing.air import Quantile
from routing.rendezvous.comparing import Sortie, Start, ground
from routing.rendezvous.landings import Floats, Landings, landing_at
from routing.rendezvous.plan import OPTIONS, Option, Plan, Refusal, option_of, rank
from routing.rendezvous.question import Question
from routing.rendezvous.stretches import Spots, Stretches

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
    reached_s = [None if span_s != span_s else span_s for span_s in sites_s.tolist()]
    drives = dict(zip(landings.site_ids, reached_s, strict=True))
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
    def spots(self) -> Spots:
        return Spots(self.landings, self.question, self.drive_to_site_s)

    @property
    def _starts(self) -> Sequence[Start]:
        return self.spots.starts

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
        shape = len(self.question.aircraft), len(self._starts), len(self.landings.ends)
        return np.array([self.first_s([row]) for row in range(shape[0])], np.float64).reshape(shape)

    def first_s(self, rows: Sequence[int]) -> Floats:
        """Starts x ends: seconds to the door by the first of these aircraft (their rows in the question), which fly and
        land alike (`alike`); infinity where the way is refused."""
        sortie = self.sorties[rows[0]]
        if sortie.check.refused:
            return np.full((len(self._starts), len(self.landings.ends)), np.inf)
        sites, pads = self.landings.refused(sortie.aircraft, night=self.question.night)
        own = [bool(sortie.check_start(start).refused) for start in self.spots.own_starts]
        leaves_s = self._left_s("p50")[list(rows)].min(0)
        leaves_s[np.append(sites, np.array(own, np.bool_)) | np.isnan(leaves_s)] = np.inf
        door_s = self._stretches["p50"].all_door_s(sortie, leaves_s)
        if pads.any():
            door_s[:, pads] = np.inf
        if self._dusk_matters(rows[0]):
            assert self.question.daylight_left_s is not None
            door_s[self.land_s(rows[0], "p90") > self.question.daylight_left_s + CLOSE_S] = np.inf
        return door_s

    def each_s(self, rows: Sequence[int], start: NDArray[np.intp], end: NDArray[np.intp]) -> Floats:
        """Aircraft that fly alike x these starts: seconds to the door from each start to the end beside it, refused or
        not."""
        times, leaves_s = self._stretches["p50"], self._left_s("p50")[list(rows)][:, start]
        return times.door_s(times.down_s(self.sorties[rows[0]], leaves_s, start, end), end)

    def alike(self, row: int) -> tuple[Any, ...]:
        """Aircraft of which this is the same take as long from wherever they lift off, and are refused alike."""
        sortie = self.sorties[row]
        by_dusk = row if self._dusk_matters(row) else None
        machine, own = sortie.aircraft, [bool(sortie.check_start(one).refused) for one in self.spots.own_starts]
        return bool(sortie.check.refused), sortie.flight.speed_kmh("p50"), machine.d_value_m, by_dusk, *own

    @cached_property
    def sorties(self) -> list[Sortie]:
        """One per aircraft of the question."""
        return [Sortie.of(self.question, one) for one in self.question.aircraft]

    @cached_property
    def _stretches(self) -> dict[Quantile, Stretches]:
        return {quantile: Stretches(self.spots, quantile) for quantile in ("p50", "p90")}

    def land_s(self, row: int, quantile: Quantile) -> Floats:
        """Starts x ends: until this aircraft (its row in the question) is down for the hospital, refused or not."""
        return self._stretches[quantile].down_s(self.sorties[row], self._left_s(quantile)[row])

    def latest_s(self, row: int, quantile: Quantile) -> float:
        """By when this aircraft is down, wherever it flies: no land_s is later."""
        if (row, quantile) not in self._latest_s:
            self._latest_s[row, quantile] = self._stretches[quantile].latest_s(self.sorties[row])
        return self._latest_s[row, quantile]

    @cached_property
    def _latest_s(self) -> dict[tuple[int, Quantile], float]:
        return {}

    def _left_s(self, quantile: Quantile) -> Floats:
        """Aircraft x starts: until each, with the patient on board, has climbed from there."""
        if quantile not in self._leaves_s:
            self._leaves_s[quantile] = self._stretches[quantile].leaves_s(self.sorties)
        return self._leaves_s[quantile]

    @cached_property
    def _leaves_s(self) -> dict[Quantile, Floats]:
        return {}

    def _dusk_matters(self, row: int) -> bool:
        """Whether this aircraft, which may not fly by night, could be refused for it."""
        left_s, question = self.question.daylight_left_s, self.question
        if left_s is None or question.night or question.aircraft[row].night_capable is not False:
            return False
        return self.latest_s(row, "p90") > left_s + CLOSE_S

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
