"""Turn a case into what a solver can count: kinds of casualties, kinds of vehicles, minutes and costs. Pure.

Casualties whom nothing tells apart for the plan are one `Group`; the solver shares out numbers, not names
(dispatch/distribution/naming.py gives the names back). Every span is rounded up to a whole minute: nobody knows it
better, and
all who plan on the same minutes can be compared exactly. What a casualty needs and what bars a hospital is judged by
the same functions as the single decision (dispatch/needs.py, dispatch/judging.py).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import numpy as np

from casebook.capacity import Closure, Figure
from casebook.capacity.resources import ResourceTable, resource_table
from casebook.events import Reason
from casebook.picture import HospitalState
from casebook.place import Place, distance_m
from dispatch.care import mean_wait_s
from dispatch.distribution.ask import Ask, Casualty, Hospital, Point, UnderWay, Vehicle
from dispatch.distribution.places import STANDING, openings
from dispatch.distribution.problem import NO_WAY, Fixed, Floats, Group, Ints, Kind, Problem
from dispatch.distribution.rules import DistributionRules
from dispatch.judging import Judged, Room, Way, resource_for
from dispatch.needs import Case, needs_of, rows_for
from dispatch.policy import NO_CATEGORY, Policy

FARTHEST_MIN = 600  # a longer way is none


def compile_case(ask: Ask, rules: DistributionRules, policy: Policy, table: ResourceTable | None = None) -> Problem:
    """Everything that solvers, simple rules and the report look at."""
    return _Compiler(ask, rules, policy, table or resource_table()).problem()


class _Compiler:
    """Holds what the steps of compiling share."""

    def __init__(self, ask: Ask, rules: DistributionRules, policy: Policy, table: ResourceTable) -> None:
        self.ask, self.rules, self.policy, self.table = ask, rules, policy, table
        self.since_min = (ask.at - ask.happened_at).total_seconds() / 60 if ask.happened_at else 0.0
        self.states = {hospital.id: _state_of(hospital, ask) for hospital in ask.hospitals}
        self.at = {hospital.id: index for index, hospital in enumerate(ask.hospitals)}
        self.carried = [
            one for one in ask.casualties if (one.category or NO_CATEGORY) not in rules.not_carried.categories
        ]
        self.cases = {one.id: case_of(one) for one in self.carried}
        wanted = Counter(self._resource(case) for case in self.cases.values())
        wanted.pop("", None)
        self.opening = openings(ask, rules, wanted)
        self._judged: dict[Any, list[tuple[tuple[Reason, ...], int, float]]] = {}

    def problem(self) -> Problem:
        free = {(self.at[h], r): list(one.minutes) for (h, r), one in self.opening.items()}
        fixed, moved = self._under_way(free)
        gone = {one.casualty.id for one in fixed}
        planned = [_where_it_is(one, moved) for one in self.carried if one.id not in gone]
        scenes = tuple(dict.fromkeys([one.scene for one in planned]))
        groups = self._groups(planned, scenes, free)
        kinds, kind_of = self._kinds(groups, scenes, frozenset(moved.values()))
        left = [(one, Reason("distribution.dead")) for one in self.ask.casualties if one.id not in self.cases]
        return Problem(
            self.ask, self.rules, scenes, tuple(self.at), groups, kinds, kind_of,
            self._starts(scenes, fixed, moved), {key: tuple(minutes) for key, minutes in free.items()},
            self._quota(fixed), self.rules.first_wave.minutes, self.rules.horizon.minutes, self.since_min,
            tuple(fixed), tuple(left), frozenset(key for key, one in self.opening.items() if one.told == STANDING),
            {key: one.kept for key, one in self.opening.items() if one.kept},
        )  # fmt: skip

    # --- hospitals

    def _resource(self, case: Case) -> str:
        return "" if case.closest_any else resource_for(case.category, self.policy)

    def judged(self, case: Case) -> list[tuple[tuple[Reason, ...], int, float]]:
        """Per hospital: what bars it, minutes at its door, minutes that missing wishes weigh; once per kind of case."""
        key = replace(case, casualty="")
        if key not in self._judged:
            rows = rows_for(case, self.policy, self.ask.at)
            # What is demanded only while somebody within the limit has it, helps here: places of all are shared out.
            needs = needs_of(case, self.policy, rows, ())
            room = Room(case, self.states, (), self.ask.at, self.policy, self.table, needs)
            self._judged[key] = [self._judge(room, hospital) for hospital in self.ask.hospitals]
        return self._judged[key]

    def _judge(self, room: Room, hospital: Hospital) -> tuple[tuple[Reason, ...], int, float]:
        judged: Judged = room.judge(Way(hospital.id, "road", eta_s=0.0))
        barred = tuple(reason for reason in judged.barred if reason.code != "capacity")  # places are counted by time
        door_s = judged.care.causes_s.get("offload", 0.0) if judged.care else 0.0
        resource = self._resource(room.case)
        if resource and self.opening[hospital.id, resource].told == STANDING:
            door_s += mean_wait_s(self.states[hospital.id].figures.get(resource), self.table.rows[resource])
        weighs_s = len(judged.missing_wants) * self.policy.missing_want_costs_s.seconds
        return barred, math.ceil(round(door_s, 3) / 60), weighs_s / 60

    # --- those who have left already

    def _under_way(self, free: dict[tuple[int, str], list[int]]) -> tuple[list[Fixed], dict[str, str]]:
        """Those who stay with their hospital (and take its places), and casualty -> vehicle of those who cannot."""
        byid = {one.id: one for one in self.carried}
        fixed: list[Fixed] = []
        moved: dict[str, str] = {}
        for one in sorted(self.ask.under_way, key=lambda one: (one.arrives_min, one.casualty)):
            if one.casualty in byid:
                stays = self._stays(one, byid[one.casualty], free)
                if stays is None:
                    moved[one.casualty] = one.vehicle
                else:
                    fixed.append(stays)
        return fixed, moved

    def _stays(self, one: UnderWay, casualty: Casualty, free: dict[tuple[int, str], list[int]]) -> Fixed | None:
        case, hospital = self.cases[one.casualty], self.at[one.hospital]
        barred, door_min, _ = self.judged(case)[hospital]
        arrives, resource = math.ceil(one.arrives_min), self._resource(case)
        if barred:
            return None
        place = arrives
        if resource:
            opens = free[hospital, resource]
            if not opens:
                return None
            taken = max((minute for minute in opens if minute <= arrives), default=opens[0])
            opens.remove(taken)
            place = max(arrives, taken)
        return Fixed(casualty, one.vehicle, one.hospital, arrives, place + door_min, resource)

    # --- casualties

    def _groups(self, planned: Sequence[Casualty], scenes: Sequence[str], free: Any) -> tuple[Group, ...]:
        members: dict[Any, list[Casualty]] = {}
        for one in planned:
            case = replace(self.cases[one.id], casualty="")
            sits = case.category in self.rules.sitting.categories
            members.setdefault((scenes.index(one.scene), case, one.rpm, sits, self.ask.before.get(one.id)), []).append(
                one
            )
        groups = [self._group(key, ones) for key, ones in members.items()]
        return tuple(_merged(groups))

    def _group(self, key: Any, ones: list[Casualty]) -> Group:
        scene, case, rpm, sits, before = key
        ones = sorted(ones, key=lambda one: (one.boardable_min, one.id))
        judged = self.judged(case)
        resource = self._resource(case)
        soft = np.array([minutes * self.rules.minute_cost.deaths for _, _, minutes in judged])
        if before is not None:
            soft = soft + self.rules.redirection_cost.deaths * (np.arange(len(judged)) != self.at[before])
        loss = self._loss(case.category, rpm)
        rows = rows_for(case, self.policy, self.ask.at)
        return Group(
            ids=tuple(one.id for one in ones), ready_min=tuple(math.ceil(one.boardable_min) for one in ones),
            scene=scene, category=case.category, rpm=rpm, resource=resource, sits=sits,
            needs=needs_of(case, self.policy, rows, ()).must,
            allowed=np.array([not barred for barred, _, _ in judged]),
            delay_min=np.array([door for _, door, _ in judged], dtype=np.int64), soft_cost=soft, loss=loss,
            untaken=self._loss_at(case.category, rpm, self.rules.horizon.untaken_min),
            before=-1 if before is None else self.at[before],
            barred={id: barred for id, (barred, _, _) in zip(self.at, judged, strict=True) if barred},
        )  # fmt: skip

    def _loss_at(self, category: str, rpm: float | None, minute: int) -> float:
        died = 1.0 - self.rules.survival_at(category, rpm, self.since_min + minute)
        return died + self.rules.minute_cost.deaths * minute

    def _loss(self, category: str, rpm: float | None) -> Floats:
        longest = 2 * self.rules.horizon.minutes + 2 * FARTHEST_MIN
        untaken = self._loss_at(category, rpm, self.rules.horizon.untaken_min)
        # Late care is never worse than none, however far the table's curves are extended.
        return np.array([min(untaken, self._loss_at(category, rpm, minute)) for minute in range(longest)])

    # --- vehicles

    def _kinds(
        self, groups: Sequence[Group], scenes: Sequence[str], rolling: frozenset[str]
    ) -> tuple[tuple[Kind, ...], tuple[int, ...]]:
        shapes: dict[Any, list[str]] = {}
        for one in self.ask.vehicles:
            shapes.setdefault(self._shape(one), []).append(one.id)
        kinds = [self._kind(shape, tuple(ids), groups, scenes, rolling) for shape, ids in shapes.items()]
        order = list(shapes)
        return tuple(kinds), tuple(order.index(self._shape(one)) for one in self.ask.vehicles)

    def _shape(self, one: Vehicle) -> tuple[Any, ...]:
        rule = self.rules.vehicles[one.kind]
        said = [rule.stretchers, rule.seats, rule.load_min, rule.turnaround_min]
        own = [one.stretchers, one.seats, one.load_min, one.turnaround_min]
        return (rule.mode, *(math.ceil(a if b is None else b) for a, b in zip(said, own, strict=True)))

    def _kind(
        self, shape: Any, ids: tuple[str, ...], groups: Sequence[Group], scenes: Sequence[str], rolling: frozenset[str]
    ) -> Kind:
        mode, stretchers, seats, load, turnaround = shape
        ways = self.ask.travel.to_hospital_min if mode == "road" else self._flights(scenes)
        backs = self.ask.travel.back_min if mode == "road" else {}
        out = np.array([[_whole(ways.get(s, {}).get(h)) for h in self.at] for s in scenes], dtype=np.int64).reshape(
            len(scenes), len(self.at)
        )
        back = out.T.copy()
        for i, h in enumerate(self.at):
            for j, s in enumerate(scenes):
                if s in rolling:
                    back[i, j] = NO_WAY  # a place on the road where nobody waits any more
                elif s in backs.get(h, {}):
                    back[i, j] = _whole(backs[h][s])
        takes = [self._takes(group, mode, stretchers, seats) for group in groups]
        soft = self.policy.change_costs_s.by_mode[mode] / 60 * self.rules.minute_cost.deaths
        loads = np.array([0 if s in rolling else load for s in scenes], dtype=np.int64)
        return Kind(mode, out, back, loads, turnaround, np.array(takes, dtype=np.int64), soft, ids)

    def _takes(self, group: Group, mode: str, stretchers: int, seats: int) -> int:
        if mode == "air" and group.category not in self.policy.change_costs_s.categories:
            return 0
        return min(group.count, max(seats, stretchers) if group.sits else stretchers)

    def _flights(self, scenes: Sequence[str]) -> Mapping[str, Mapping[str, float | None]]:
        """The given matrix, else by the crow's way to hospitals with a helipad."""
        if self.ask.travel.flight_min:
            return self.ask.travel.flight_min
        flown: dict[str, dict[str, float | None]] = {}
        pads = {one.id: one.place for one in self.ask.hospitals if one.place and "helipad" in one.capabilities}
        for scene in scenes:
            here = self.ask.scenes.get(scene)
            if here is not None:
                flown[scene] = {id: self._flight_min(here, place) for id, place in pads.items()}
        return flown

    def _flight_min(self, a: Point, b: Point) -> float:
        rule = self.rules.flight
        return rule.overhead_min + distance_m(Place(a.lat, a.lon), Place(b.lat, b.lon)) / 1000 / rule.cruise_kmh * 60

    def _starts(self, scenes: Sequence[str], fixed: Sequence[Fixed], moved: Mapping[str, str]) -> Ints:
        """By vehicle and scene; who is under way starts where it drops its load, or on the road with it."""
        travel, starts = self.ask.travel, []
        for one in self.ask.vehicles:
            row = {scene: _whole(travel.to_scene_min.get(one.id, {}).get(scene), one.free_min) for scene in scenes}
            loads = [load for load in fixed if load.vehicle == one.id]
            if one.id in moved.values():
                row = {scene: 0 if scene == one.id else NO_WAY for scene in scenes}
            elif loads:
                last = max(loads, key=lambda load: load.arrives_min)
                ready = last.arrives_min + self._shape(one)[4]
                row = {scene: self._from_door(last.hospital, scene, ready) for scene in scenes}
            starts.append([row[scene] for scene in scenes])
        return np.array(starts, dtype=np.int64).reshape(len(self.ask.vehicles), len(scenes))

    def _from_door(self, hospital: str, scene: str, ready: int) -> int:
        back = self.ask.travel.back_min.get(hospital, {}).get(
            scene, self.ask.travel.to_hospital_min.get(scene, {}).get(hospital)
        )
        return _whole(back, ready)

    def _quota(self, fixed: Sequence[Fixed]) -> dict[tuple[int, str], int]:
        """What is left of each hospital's first wave; those under way count."""
        used = Counter((one.hospital, one.casualty.category or NO_CATEGORY) for one in fixed)
        left: dict[tuple[int, str], int] = {}
        for index, hospital in enumerate(self.ask.hospitals):
            most = {**self.rules.first_wave.by_category, **{str(k): n for k, n in hospital.first_wave.items()}}
            for category, n in most.items():
                left[index, category] = max(0, n - used[hospital.id, category])
        return left


def case_of(one: Casualty) -> Case:
    """The case of the single decision for this casualty."""
    return Case(
        casualty=one.id, category=str(one.category) if one.category else NO_CATEGORY, pathway=str(one.pathway),
        needs=one.needs, wants=one.wants, airway_unmanageable=one.airway_unmanageable, in_arrest=one.in_arrest,
        age_years=one.age_years, scores=_Scores(one.scores), field_triage=one.field_triage,
        pregnancy_weeks=one.pregnancy_weeks, refused_by=tuple(sorted(one.refused_by)),
    )  # fmt: skip


class _Scores(dict[str, float]):
    """Scores that can be part of a key: never changed once they stand in a case."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))


def _state_of(hospital: Hospital, ask: Ask) -> HospitalState:
    figures = {
        name: Figure(one.free, one.total, ask.at - timedelta(minutes=one.age_min), "", "case")
        for name, one in hospital.places.items()
    }
    closures = {
        one.resource: Closure(one.resource, one.reason, _until(one.until_min, ask), ask.at, "")
        for one in hospital.closed
    }
    spot = Place(hospital.place.lat, hospital.place.lon) if hospital.place else Place(0.0, 0.0)
    return HospitalState(
        hospital.id, hospital.name_zh, hospital.name_en, spot, hospital.capabilities, hospital.trauma_level,
        figures=figures, closures=closures,
    )  # fmt: skip


def _until(minutes: float | None, ask: Ask) -> Any:
    return None if minutes is None else ask.at + timedelta(minutes=minutes)


def _where_it_is(one: Casualty, moved: Mapping[str, str]) -> Casualty:
    """A casualty that must go elsewhere is where its vehicle is."""
    return msgspec.structs.replace(one, scene=moved[one.id], boardable_min=0.0) if one.id in moved else one


def _whole(minutes: float | None, plus: float = 0.0) -> int:
    """Up to the next minute; NO_WAY for none."""
    if minutes is None or minutes > FARTHEST_MIN:
        return NO_WAY
    return math.ceil(round(minutes + plus, 6))


def _merged(groups: Iterable[Group]) -> Iterable[Group]:
    """Groups that differ in what decided but not in what it comes to are one, so that the search has fewer equals."""
    alike: dict[Any, list[Group]] = {}
    for one in groups:
        key = (one.scene, one.category, one.rpm, one.resource, one.sits, one.allowed.tobytes(), one.delay_min.tobytes(),
               one.soft_cost.tobytes())  # fmt: skip
        alike.setdefault(key, []).append(one)
    for ones in alike.values():
        both = sorted((ready, id) for one in ones for ready, id in zip(one.ready_min, one.ids, strict=True))
        yield replace(ones[0], ids=tuple(id for _, id in both), ready_min=tuple(ready for ready, _ in both))
