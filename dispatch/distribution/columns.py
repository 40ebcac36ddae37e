"""The trips that a plan may be made of, as columns of a linear program: what each uses, and what it is worth at
given prices.

Pure. The program is proving.py's; docs/decisions/0018-who-goes-where-as-flows.md states the model.

Rows: each group is shared out; nobody leaves before it can be loaded; vehicles of a kind at a scene flow from minute to
minute; places that are taken by a minute have opened by then; nobody exceeds its first wave. A place may be taken on
arrival or, waiting, when one of the later ones opens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from dispatch.distribution.building import Builder, Trip
from dispatch.distribution.problem import NO_WAY, Floats, Ints

FAR = 1e6  # a price that nobody pays


@dataclass(slots=True)
class Rows:
    """Where each row stands, its bounds, and how many there are."""

    lower: list[float] = field(default_factory=list)
    upper: list[float] = field(default_factory=list)

    def add(self, lower: float, upper: float) -> int:
        self.lower.append(lower)
        self.upper.append(upper)
        return len(self.lower) - 1


@dataclass(frozen=True, slots=True)
class Priced:
    """The best trips of one kind of vehicle for one group at given prices, hospital x minute of loading.

    `count`: how many ride; `place`: minute of their place; `back`: the scene that the vehicle goes on to.
    """

    kind: int
    group: int
    reduced: Floats
    count: Ints
    place: Ints
    back: Ints


@dataclass(frozen=True, slots=True)
class Cells:
    """Trips that differ in hospital, minute of loading and minute of the place only, with their reduced costs."""

    kind: int
    group: int
    count: int
    back: int
    hospital: Ints
    minute: Ints
    place: Ints
    reduced: Floats


class Columns:
    """Rows of one problem, and the columns of trips in them."""

    def __init__(self, builder: Builder, infinity: float) -> None:
        self.builder, self.problem = builder, builder.problem
        problem, self.rows = self.problem, Rows()
        self.minutes = problem.horizon_min
        self.group_row = [self.rows.add(group.count, group.count) for group in problem.groups]
        self.ready_rows = [self._ready_rows(g, infinity) for g in range(len(problem.groups))]
        self.supply, self.movers = self._vehicles()
        self.flow_row = np.array(
            [[[self.rows.add(self.supply[k, s, t], self.supply[k, s, t]) for t in range(self.minutes)]
              for s in range(len(problem.scenes))] for k in range(len(problem.kinds))], dtype=np.int64,
        ).reshape(len(problem.kinds), len(problem.scenes), self.minutes)  # fmt: skip
        self.mover_row = [self.rows.add(-infinity, many) for _, _, many in self.movers]
        self.opens: dict[tuple[int, int], Ints] = {}
        self.place_rows: dict[tuple[int, int], Ints] = {}
        self._place_rows(infinity)
        self.wave_row = {
            (h, category): self.rows.add(-infinity, most)
            for (h, category), most in sorted(problem.quota.items())
            if any(group.category == category and group.count > most for group in problem.groups)
            or sum(group.count for group in problem.groups if group.category == category) > most
        }

    def _ready_rows(self, g: int, infinity: float) -> list[tuple[int, int]]:
        """(minute, row): of those who leave before the minute there are no more than are ready before it."""
        ready = self.problem.groups[g].ready_min
        return [
            (minute, self.rows.add(-infinity, sum(one < minute for one in ready))) for minute in sorted(set(ready))[1:]
        ]

    def _vehicles(self) -> tuple[np.ndarray, list[tuple[int, tuple[int, ...], int]]]:
        """Vehicles that can start at one scene only flow in there; the others are (kind, start per scene, how many)."""
        problem = self.problem
        supply = np.zeros((len(problem.kinds), len(problem.scenes), self.minutes))
        alike = Counter((problem.kind_of[v], tuple(int(t) for t in row)) for v, row in enumerate(problem.starts))
        movers: list[tuple[int, tuple[int, ...], int]] = []
        for (kind, row), many in sorted(alike.items()):
            usable = [s for s, t in enumerate(row) if t != NO_WAY and t < self.minutes]
            if len(usable) == 1:
                supply[kind, usable[0], row[usable[0]]] += many
            elif usable:
                movers.append((kind, row, many))
        return supply, movers

    def _place_rows(self, infinity: float) -> None:
        """Of each resource that is scarce: up to each opening no more places are taken than have opened."""
        for r, resource in enumerate(self.builder.resources):
            if not resource:
                continue
            for h in range(len(self.problem.hospitals)):
                minutes = self.problem.slots.get((h, resource), ())
                opens = np.array(sorted(set(minutes)), dtype=np.int64)
                self.opens[h, r] = opens
                rows = [self.rows.add(-infinity, sum(one <= at for one in minutes)) for at in opens]
                self.place_rows[h, r] = np.array(rows, dtype=np.int64)

    # --- columns

    def entries(self, trip: Trip, back: int) -> tuple[list[int], list[float]]:
        """The rows that a trip stands in, with how much of each it uses. `back`: scene that the vehicle goes on to."""
        problem, many = self.problem, float(trip.count)
        rows, values = [self.group_row[trip.group]], [many]
        for minute, row in self.ready_rows[trip.group]:
            if trip.starts_min < minute:
                rows.append(row)
                values.append(many)
        rows.append(int(self.flow_row[trip.kind, trip.scene, trip.starts_min]))
        values.append(1.0)
        again = self.again(trip, back)
        if again is not None:
            rows.append(int(self.flow_row[trip.kind, back, again]))
            values.append(-1.0)
        key = trip.hospital, int(self.builder.resource[trip.group])
        if key in self.opens:
            first = int(np.searchsorted(self.opens[key], max(trip.arrives_min, trip.place_min), side="right")) - 1
            rows += self.place_rows[key][first:].tolist()
            values += [many] * (len(self.place_rows[key]) - first)
        wave = self.wave_row.get((trip.hospital, problem.groups[trip.group].category))
        if wave is not None and trip.starts_min < problem.wave_min:
            rows.append(wave)
            values.append(many)
        return rows, values

    def again(self, trip: Trip, back: int) -> int | None:
        """The minute at which the vehicle can load again; None within the horizon it cannot."""
        kind = self.problem.kinds[trip.kind]
        drive = int(kind.back_min[trip.hospital, back])
        again = trip.arrives_min + kind.turnaround_min + drive
        return None if drive == NO_WAY or again >= self.minutes else again

    def cost(self, trip: Trip) -> float:
        return trip.count * self.builder.cost_of(trip)

    # --- prices

    def priced(self, dual: Floats) -> list[Priced]:
        """The best of each cell (hospital x minute of loading) of every kind and group, at the prices of the rows."""
        return [self._best(k, g, layers, dual) for k, g, layers in self._pairs(dual)]

    def below(self, dual: Floats, cut: float) -> Iterator[Cells]:
        """Every trip there could be whose reduced cost is at most `cut`: all counts, places and onward scenes."""
        for k, g, layers in self._pairs(dual):
            for price, place in layers:
                value, places, arrives = self._values(k, g, price, place, dual)
                most = self._most(k, g, arrives, places)
                for back in range(len(self.problem.scenes)):
                    rest = self._vehicle_price(k, g, arrives, back, dual)
                    for count in range(1, int(most.max(initial=0)) + 1):
                        reduced = count * value + rest
                        h, t = np.nonzero((reduced <= cut) & (most >= count))
                        yield Cells(k, g, count, back, h, t, places[h, t], reduced[h, t])

    def _pairs(self, dual: Floats) -> Iterator[tuple[int, int, list[tuple[Floats, Ints]]]]:
        for g in range(len(self.problem.groups)):
            layers = self._at_door(g, dual)
            for k, kind in enumerate(self.problem.kinds):
                if kind.takes[g] > 0:
                    yield k, g, layers

    def _at_door(self, g: int, dual: Floats) -> list[tuple[Floats, Ints]]:
        """What care costs per hospital and minute of arrival: with a place at once, then waiting for each later one."""
        group, last = self.problem.groups[g], self.minutes * 2 + 600
        hospitals, minutes = len(self.problem.hospitals), np.arange(last)
        waits = max([len(self.opens.get((h, int(self.builder.resource[g])), ())) for h in range(hospitals)], default=0)
        price = np.full((1 + waits, hospitals, last), FAR)
        place = np.tile(minutes, (1 + waits, hospitals, 1))
        for h in np.nonzero(group.allowed)[0].tolist():
            lost = group.loss[np.minimum(minutes + int(self.builder.delay[g, h]), len(group.loss) - 1)]
            key = h, int(self.builder.resource[g])
            if key not in self.opens:
                price[0, h] = lost
                continue
            opens = self.opens[key]
            charge = np.cumsum(dual[self.place_rows[key]][::-1])[::-1]
            interval = np.searchsorted(opens, minutes, side="right") - 1
            if len(opens):
                price[0, h] = np.where(interval >= 0, lost - charge[np.maximum(interval, 0)], FAR)
            for j, opens_at in enumerate(opens.tolist()):
                price[1 + j, h, :opens_at], place[1 + j, h] = lost[opens_at] - charge[j], opens_at
        return [(price[n] + self.builder.soft[g][:, None], place[n]) for n in range(1 + waits)]

    def _charge(self, g: int, dual: Floats) -> Floats:
        """Per hospital and minute of loading: what the group's own rows and the first wave charge."""
        group, minutes = self.problem.groups[g], np.arange(self.minutes)
        charge = np.full((len(self.problem.hospitals), self.minutes), dual[self.group_row[g]])
        for minute, row in self.ready_rows[g]:
            charge[:, minutes < minute] += dual[row]
        for h in range(len(self.problem.hospitals)):
            wave = self.wave_row.get((h, group.category))
            if wave is not None:
                charge[h, minutes < self.problem.wave_min] += dual[wave]
        return charge

    def _most(self, k: int, g: int, arrives: Ints, places: Ints) -> Ints:
        """How many one trip can take, hospital x minute of loading: no more than are ready, than it has room for, than
        there are places by then, than the first wave allows. So no fraction of a bus stands for a whole casualty."""
        group, minutes = self.problem.groups[g], np.arange(self.minutes)
        ready = np.searchsorted(np.array(group.ready_min), minutes, side="right")
        most = np.tile(np.minimum(int(self.problem.kinds[k].takes[g]), ready), (len(arrives), 1))
        for h in np.nonzero(group.allowed)[0].tolist():
            slots = self.problem.slots.get((h, group.resource), ())
            if group.resource:
                when = np.maximum(arrives[h], places[h])
                most[h] = np.minimum(most[h], np.searchsorted(np.array(slots, dtype=np.int64), when, side="right"))
            wave = self.problem.quota.get((h, group.category))
            if wave is not None:
                most[h] = np.where(minutes < self.problem.wave_min, np.minimum(most[h], wave), most[h])
        return most

    def _values(self, k: int, g: int, price: Floats, place: Ints, dual: Floats) -> tuple[Floats, Ints, Ints]:
        """(worth of one casualty on a trip, minute of its place, minute of arrival), hospital x minute of loading."""
        kind, group = self.problem.kinds[k], self.problem.groups[g]
        out = kind.out_min[group.scene]
        arrives = np.arange(self.minutes)[None, :] + int(kind.load_min[group.scene]) + np.maximum(out, 0)[:, None]
        value = np.take_along_axis(price, arrives, axis=1) + kind.soft_cost - self._charge(g, dual)
        value = np.where((out == NO_WAY)[:, None], FAR, value)
        return value, np.take_along_axis(place, arrives, axis=1), arrives

    def _vehicle_price(self, k: int, g: int, arrives: Ints, back: int, dual: Floats) -> Floats:
        """What a vehicle is worth while it is away: taken from this scene, given to the one that it goes on to."""
        kind, group = self.problem.kinds[k], self.problem.groups[g]
        drive = kind.back_min[:, back][:, None]
        again = arrives + kind.turnaround_min + np.maximum(drive, 0)
        inside = (again < self.minutes) & (drive != NO_WAY)
        credit = np.where(inside, dual[self.flow_row[k, back]][np.minimum(again, self.minutes - 1)], 0.0)
        return credit - dual[self.flow_row[k, group.scene]][None, :]

    def _best(self, k: int, g: int, layers: list[tuple[Floats, Ints]], dual: Floats) -> Priced:
        price, place = layers[0]
        for other, waits in layers[1:]:
            better = other < price
            price, place = np.where(better, other, price), np.where(better, waits, place)
        value, places, arrives = self._values(k, g, price, place, dual)
        most = self._most(k, g, arrives, places)
        count = np.where(value < 0, np.maximum(most, 1), 1)
        rest = np.stack([self._vehicle_price(k, g, arrives, s, dual) for s in range(len(self.problem.scenes))])
        back = rest.argmin(axis=0)
        reduced = count * value + np.take_along_axis(rest, back[None], axis=0)[0]
        return Priced(k, g, np.where(most == 0, FAR, reduced), count, places, back)

    def trip(self, kind: int, group: int, hospital: int, minute: int, count: int, place: int) -> Trip:
        one, shape = self.problem.groups[group], self.problem.kinds[kind]
        arrives = minute + int(shape.load_min[one.scene]) + int(shape.out_min[one.scene, hospital])
        return Trip(minute, kind, one.scene, group, hospital, count, arrives, max(arrives, place))
