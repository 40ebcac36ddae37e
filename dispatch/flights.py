"""The quickest flight to each hospital by each mode, out of all landing sites and aircraft; what bars it where none is.

All flights are timed at once (routing/rendezvous/search.py); of each hospital and mode only those that could be first
are then built, exactly as `compare` builds them, so the answer is the one that looking at every flight would give.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from casebook.events import Reason
from casebook.picture import HospitalState
from dispatch.area import Area
from dispatch.flown import Flown, Landing, Meeting, flown, landing_of, meeting_of, speeds_kmh
from dispatch.judging import Way
from routing.air import Aircraft, AirTimes, Check, LandingSite, check_site
from routing.rendezvous import Door, Found, Landings, Plan, Question, Refusal, compare, search
from routing.rendezvous.comparing import Sortie, Start

CLOSE_S = 1.0  # an ETA is a sum of a dozen terms, each rounded to 0.1 s: what is not this near is not first
UNSETTLED_S = 1e9  # longer than any flight: what nobody has to settle goes before what somebody has
SAME_S = 1e-6  # numpy's sums and those of a built flight differ by less
KEPT_LANDINGS = 4  # sets of hospitals and sites
KEPT_PADS = 16  # kinds of machine, each in some wind
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
StillOpen = Callable[[str, Sequence[Reason]], tuple[Reason, ...]]


class Grounds(NamedTuple):
    """Where a machine of one size may land, by day or by night: sites, then pads, and whether something is unknown."""

    sites: tuple[Check, ...]
    pads: tuple[Check, ...]
    open_sites: Bools
    open_pads: Bools
    any_open: bool


class Prepared:
    """Sites and pads of an area, with what is said of landing there; depends on the machine by its size alone."""

    def __init__(self, area: Area, hospitals: Sequence[HospitalState]) -> None:
        self.landings = Landings(area.sites, [Door(one.id, area.find_pad(one)) for one in hospitals])
        self.rows: Mapping[str, int] = {
            self.landings.doors[row].hospital: end for end, row in enumerate(self.landings.door_of_end.tolist())
        }
        self._grounds: dict[tuple[float, bool], Grounds] = {}
        self._pads: dict[Any, tuple[AirTimes, Sequence[Landing | None]]] = {}

    def grounds(self, machine: Aircraft, *, night: bool) -> Grounds:
        key = (machine.d_value_m, night)
        if key not in self._grounds:
            sites = tuple(check_site(site, machine, night=night) for site in self.landings.sites)
            pads = tuple(check_site(end.site, machine, night=night) for end in self.landings.ends)
            open_sites, open_pads = (np.array([bool(one.unknown) for one in told], np.bool_) for told in (sites, pads))
            any_open = bool(open_sites.any() or open_pads.any())
            self._grounds[key] = Grounds(sites, pads, open_sites, open_pads, any_open)
        return self._grounds[key]

    def pads_for(self, sortie: Sortie) -> Sequence[Landing | None]:
        """What landing at each pad takes; the same for all machines that climb and fly alike."""
        times, key = sortie.question.times, (sortie.aircraft.climb_ms, speeds_kmh(sortie.flight))
        kept = self._pads.get(key)
        if kept is None or kept[0] is not times:
            kept = self._pads[key] = times, [landing_of(sortie, end) for end in self.landings.ends]
            while len(self._pads) > KEPT_PADS:
                self._pads.pop(next(iter(self._pads)))
        return kept[1]


_kept: OrderedDict[Any, tuple[Any, Prepared]] = OrderedDict()


def prepared_for(area: Area, hospitals: Sequence[HospitalState]) -> Prepared:
    """The area's sites and the hospitals' pads, kept while neither changes."""
    key = (id(area.sites), id(area.pads), tuple([(one.id, id(one.pad)) for one in hospitals]))
    found = _kept.get(key)
    if found is None:
        held = area.sites, area.pads, [one.pad for one in hospitals]  # which keeps their ids
        found = _kept[key] = held, Prepared(area, hospitals)
        while len(_kept) > KEPT_LANDINGS:
            _kept.popitem(last=False)
    return found[1]


class _Cell(NamedTuple):
    aircraft: int
    start: int
    end: int


class Flights:
    """All flights of one question. `still_open`: of what is not known of an aircraft's flight (by its id) that which is
    still to be settled; what is not known of a place to land always is.

    `question` states everything but hospital, pad and drives; the drives stand in the order of `landings`, NaN = none.
    """

    def __init__(
        self, prepared: Prepared, question: Question, drive_to_site_s: Floats, still_open: StillOpen
    ) -> None:  # fmt: skip
        landings, self._prepared = prepared.landings, prepared
        doors_s = np.full(len(landings.doors), np.nan)
        self._found: Found = search(landings, question, drive_to_site_s, doors_s)
        self._landings, self._question, self._still_open = landings, self._found.question, still_open
        self._sorties = self._found.sorties
        self._starts: list[Start] = self._found.spots.starts
        self._grounds = [prepared.grounds(one, night=question.night) for one in question.aircraft]
        self._drives_s: list[float] = drive_to_site_s.tolist()
        self._reached: list[bool] = (~np.isnan(drive_to_site_s)).tolist()
        self._rows = prepared.rows
        self._slow: dict[int, Floats] = {}
        self._times: dict[int, Floats] = {}
        self._meetings: dict[tuple[int, int], Meeting] = {}
        self._pads: dict[int, Sequence[Landing | None]] = {}

    @property
    def from_scene(self) -> bool:
        """Whether an aircraft might take the patient over where they are: landed, or by hoist."""
        return len(self._starts) > len(self._landings.sites)

    @cached_property
    def meets_dusk(self) -> bool:
        """Whether night would begin before some machine that may not fly by night could be down."""
        left_s, machines = self._question.daylight_left_s, enumerate(self._question.aircraft)
        if left_s is None or self._question.night:
            return False
        able = (row for row, one in machines if one.night_capable is not True and not self._is_down_by(row, left_s))
        return any(bool((self._slow_land_s(row) > left_s - SAME_S).any()) for row in able)

    def _is_down_by(self, row: int, left_s: float) -> bool:
        """Whether this machine is down by then from wherever it flies, seen without looking at each flight."""
        return self._found.latest_s(row, "p90") <= left_s - 2 * SAME_S

    def plans(self, hospital: str, mode: str) -> list[Plan]:
        """The plans of this mode of which one is the best; [] where there is none."""
        end = self._rows.get(hospital)
        cells = [] if end is None else self._near_best[mode].get(end, [])
        built = [self._build(cell, hospital) for cell in cells]
        if any(isinstance(one, Refusal) for one in built):  # at the edge of dusk: look at each
            return [plan for plan in compare(self._asked(hospital)).plans if plan.mode == mode]
        return [one for one in built if isinstance(one, Plan)]

    def ways(self, hospital: str, mode: str) -> list[tuple[Way, Flown]] | None:
        """The same told as ways; None where that needs built plans: where night or who secures a pad decides."""
        end = self._rows.get(hospital)
        cells = [] if end is None else self._near_best[mode].get(end, [])
        if cells and not self._ends_by_day:
            return None
        told: list[tuple[Way, Flown]] = []
        for row, start, end in cells:
            meeting, landing = self._meetings.get((row, start)) or self._met(row, start), self._pads_of(row)[end]
            if landing is None:
                return None
            unknown = meeting.unknown + self._grounds[row].pads[end].unknown
            unsettled = self._still_open(meeting.aircraft, unknown) if unknown else ()
            told.append(flown(meeting, landing, self._length_m.item(start, end), hospital, unsettled))
        return told

    def _met(self, row: int, start: int) -> Meeting:
        unknown = self._sorties[row].check.unknown + self._check_start(row, start).unknown
        self._meetings[row, start] = meeting_of(self._sorties[row], self._starts[start], unknown)
        return self._meetings[row, start]

    def _pads_of(self, row: int) -> Sequence[Landing | None]:
        if row not in self._pads:
            self._pads[row] = self._prepared.pads_for(self._sorties[row])
        return self._pads[row]

    @cached_property
    def _length_m(self) -> Floats:
        return self._found.spots.length_m

    def has_same(self, other: Flights, hospital: str, mode: str) -> bool:
        """Whether the plans of this mode are those of `other`, which is asked the same but for its drives."""
        end = self._rows.get(hospital)
        cells = [] if end is None else self._near_best[mode].get(end, [])
        if not cells or not self._ends_by_day or end is None or cells != other._near_best[mode].get(end):
            return False
        sites = len(self._drives_s)
        return all(self._drives_s[one.start] == other._drives_s[one.start] for one in cells if one.start < sites)

    @cached_property
    def _ends_by_day(self) -> bool:
        """Whether night overtakes nobody for sure: then no flight turns out refused when it is built."""
        left_s = self._question.daylight_left_s
        rows = range(len(self._sorties))
        return left_s is None or self._question.night or all(self._is_down_by(row, left_s) for row in rows)

    def told(self, hospital: str) -> bool:
        """Whether there is anything to say of flights to this hospital: a plan, or why not."""
        end = self._rows.get(hospital)
        if not self._sorties or end is None or self._starts:
            return bool(self._sorties)
        told = zip(self._sorties, self._grounds, strict=True)
        return any(one.check.refused or grounds.pads[end].refused for one, grounds in told)

    def barred(self, hospital: str, mode: str) -> Iterator[Reason]:
        """The reasons of all refusals of this mode, as `compare` would give them, in its order; of machines without a
        hoist nothing where only a hoist would do."""
        end = self._rows.get(hospital)
        if self._sorties and end is None:
            yield Reason("air_no_pad")
            return
        for row, sortie in enumerate(self._sorties):
            assert end is not None
            columns = self._columns(row, mode)
            if mode == "air" and not columns:
                continue
            refused = sortie.check.refused or self._grounds[row].pads[end].refused
            if refused:
                yield from refused
                continue
            for column in columns:
                yield from self._why_not(_Cell(row, column, end), hospital)

    def _why_not(self, cell: _Cell, hospital: str) -> tuple[Reason, ...]:
        refused = self._check_start(cell.aircraft, cell.start).refused
        if refused or np.isfinite(self._times_s(cell.aircraft)[cell.start, cell.end]):
            return refused
        outcome = self._build(cell, hospital)
        return outcome.reasons if isinstance(outcome, Refusal) else ()

    def _columns(self, row: int, mode: str) -> Sequence[int]:
        """The starts from which this aircraft would fly in this mode."""
        sites, hoist = len(self._landings.sites), self._sorties[row].aircraft.hoist
        if mode == "rendezvous":
            return range(sites)
        return [column for column in range(sites, len(self._starts)) if hoist or self._starts[column].site]

    # --- times of all, building of some

    def _times_s(self, row: int) -> Floats:
        """Starts x ends of one aircraft: seconds to the door, infinity where there is no such flight."""
        if row not in self._times:
            self._times[row] = self._found.first_s([row])
        return self._times[row]

    @cached_property
    def _near_best(self) -> Mapping[str, Mapping[int, list[_Cell]]]:
        """By mode and end: every flight that could be the best."""
        flocks, sites = self._flocks(), len(self._landings.sites)
        if not flocks or not self._landings.ends:
            return {"rendezvous": {}, "air": {}}
        each_s = [_keys_s(self._found.first_s(rows), self._open_of(rows[0])) for rows in flocks]
        keys_s = np.array(each_s) if len(each_s) > 1 else each_s[0][None]
        return {
            "rendezvous": self._near_least(keys_s[:, :sites], flocks, 0),
            "air": self._near_least(keys_s[:, sites:], flocks, sites),
        }

    def _flocks(self) -> list[list[int]]:
        """The aircraft that may fly, those together that fly and are judged alike: only when they lift off differs."""
        found: dict[Any, list[int]] = {}
        for row, sortie in enumerate(self._sorties):
            if not sortie.check.refused:
                open_ = bool(self._still_open(sortie.aircraft.id, sortie.check.unknown))
                alone = row if self._may_be_overtaken(row) else None
                found.setdefault((*self._found.alike(row), open_, alone, *self._own_open(row)), []).append(row)
        return list(found.values())

    def _near_least(self, keys_s: Floats, flocks: Sequence[Sequence[int]], first: int) -> Mapping[int, list[_Cell]]:
        """Of each end (last axis) the cells that are near its least; none where all are infinite."""
        if not keys_s.size:
            return {}
        least_s, found = keys_s.min(axis=(0, 1)), dict[int, list[_Cell]]()
        limit_s = np.where(least_s < np.inf, least_s + CLOSE_S, -np.inf)
        flock, start, end = np.unravel_index(np.flatnonzero(keys_s <= limit_s), keys_s.shape)
        open_s = np.where(keys_s[flock, start, end] >= UNSETTLED_S, UNSETTLED_S, 0.0)
        for number, rows in enumerate(flocks):
            (mine,) = np.nonzero(flock == number)
            at, to = start[mine] + first, end[mine]
            late = self._found.each_s(rows, at, to) + open_s[mine] > limit_s[to]
            which, near = np.nonzero(~late)
            for its, here, there in zip(which.tolist(), at[near].tolist(), to[near].tolist(), strict=True):
                found.setdefault(there, []).append(_Cell(rows[its], here, there))
        return found

    def _open_of(self, row: int) -> Bools | np.bool_:
        """Starts x ends of one aircraft, or one answer for all: whether somebody must settle something before this
        flight."""
        sortie, grounds, own = self._sorties[row], self._grounds[row], self._own_open(row)
        if self._still_open(sortie.aircraft.id, sortie.check.unknown):
            return np.True_
        if not (grounds.any_open or any(own)):
            return self._overtaken(row)
        starts = np.concatenate((grounds.open_sites, np.array(own, np.bool_)))
        return starts[:, None] | grounds.open_pads | self._overtaken(row)

    def _own_open(self, row: int) -> list[bool]:
        """Of the starts that only this casualty has: whether somebody must settle something of them."""
        id, sites = self._sorties[row].aircraft.id, len(self._landings.sites)
        unknown = (self._check_start(row, column).unknown for column in range(sites, len(self._starts)))
        return [bool(self._still_open(id, some)) for some in unknown]

    def _may_be_overtaken(self, row: int) -> bool:
        left_s, machine = self._question.daylight_left_s, self._sorties[row].aircraft
        if left_s is None or self._question.night or machine.night_capable is not None:
            return False
        return not self._is_down_by(row, left_s)

    def _overtaken(self, row: int) -> Bools | np.bool_:
        """Where night could overtake a machine of which nobody knows whether it flies by night."""
        left_s, machine = self._question.daylight_left_s, self._sorties[row].aircraft
        if left_s is None or not self._may_be_overtaken(row):
            return np.False_
        over_s = self._slow_land_s(row) - left_s
        open_ = over_s > 0
        for start, end in np.argwhere((np.abs(over_s) <= SAME_S) & np.isfinite(self._times_s(row))).tolist():
            plan = self._build(_Cell(row, start, end), "")
            open_[start, end] = isinstance(plan, Plan) and bool(self._still_open(machine.id, plan.unknown))
        return open_ if self._still_open(machine.id, (Reason("air_dusk_unknown"),)) else np.False_

    def _slow_land_s(self, row: int) -> Floats:
        """Starts x ends: until one machine is down on a slow day."""
        if row not in self._slow:
            self._slow[row] = self._found.land_s(row, "p90")
        return self._slow[row]

    def _build(self, cell: _Cell, hospital: str) -> Plan | Refusal:
        start, end = self._starts[cell.start], self._landings.ends[cell.end]
        check = self._check_start(cell.aircraft, cell.start).also(self._grounds[cell.aircraft].pads[cell.end])
        return self._builders[cell.aircraft].outcome(start, end, check, hospital)

    @cached_property
    def _builders(self) -> Sequence[Sortie]:
        """The sorties; where night overtakes nobody for sure, not asked about it flight by flight."""
        if not self._ends_by_day:
            return self._sorties
        asked = replace(self._question, daylight_left_s=None)
        return [replace(one, question=asked) for one in self._sorties]

    def _check_start(self, row: int, column: int) -> Check:
        if column < len(self._reached) and self._reached[column]:
            return self._grounds[row].sites[column]
        return self._sorties[row].check_start(self._starts[column])

    def _asked(self, hospital: str) -> Question:
        return replace(self._question, hospital=hospital, pad=self._pad(hospital))

    def _pad(self, hospital: str) -> LandingSite | None:
        return next((door.pad for door in self._landings.doors if door.hospital == hospital), None)


def _keys_s(times_s: Floats, open_: Bools | np.bool_) -> Floats:
    return np.where(open_, times_s + UNSETTLED_S, times_s) if open_.any() else times_s
