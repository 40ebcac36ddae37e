"""Fill in how long the ways of a case take by road, where the case does not say. Asks routing once for each table.

A time that the case gives is kept, also a null: whoever wrote it knows something that the road map does not.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from casebook.errors import RefusedInput
from casebook.place import Place
from dispatch.distribution.ask import Ask, Point, Table
from routing.ground import table
from routing.profiles import AMBULANCE, AMBULANCE_SIREN, Profile
from routing.roads import Roadmap
from routing.traffic import FREE_FLOW, Traffic


def with_roads(ask: Ask, roadmap: Roadmap, traffic: Traffic = FREE_FLOW) -> Ask:
    """With siren to the scenes and to the hospitals, without on the way back.

    Raises RefusedInput `case_no_place` for a scene, hospital or vehicle that has neither a place nor times.
    """
    scenes = {name: ask.scenes.get(name) for name in dict.fromkeys(one.scene for one in ask.casualties)}
    hospitals = {one.id: one.place for one in ask.hospitals}
    vehicles = {one.id: one.place for one in ask.vehicles}
    rolling = {one.vehicle: vehicles[one.vehicle] for one in ask.under_way}
    given = ask.travel
    filler = _Filler(ask, roadmap, traffic)
    travel = msgspec.structs.replace(
        given,
        to_scene_min=filler.fill("to_scene_min", given.to_scene_min, vehicles, scenes, AMBULANCE_SIREN),
        to_hospital_min=filler.fill(
            "to_hospital_min", given.to_hospital_min, scenes | rolling, hospitals, AMBULANCE_SIREN
        ),
        back_min=filler.fill("back_min", given.back_min, hospitals, scenes, AMBULANCE),
    )
    return msgspec.structs.replace(ask, travel=travel)


class _Filler:
    def __init__(self, ask: Ask, roadmap: Roadmap, traffic: Traffic) -> None:
        self.ask, self.roadmap, self.traffic = ask, roadmap, traffic

    def fill(
        self, field: str, given: Table, starts: Mapping[str, Point | None], ends: Mapping[str, Point | None],
        profile: Profile,
    ) -> Table:  # fmt: skip
        """The given table with what it lacks. Only rows and columns that lack something are asked of the roads."""
        from_ = [a for a in starts if any(b not in given.get(a, {}) for b in ends)]
        to = [b for b in ends if any(b not in given.get(a, {}) for a in from_)]
        filled: Table = {a: dict(row) for a, row in given.items()}
        if not from_ or not to:
            return filled
        places = [
            [self._place(field, name, known[name]) for name in names] for names, known in ((from_, starts), (to, ends))
        ]
        times = table(self.roadmap, *places, profile=profile, traffic=self.traffic, at=self.ask.at)
        for a, row in zip(from_, times, strict=True):
            for b, time_s in zip(to, row, strict=True):
                filled.setdefault(a, {}).setdefault(b, None if time_s is None else round(time_s / 60, 2))
        return filled

    @staticmethod
    def _place(field: str, name: str, point: Point | None) -> Place:
        if point is None:
            raise RefusedInput("case_no_place", file="-", line=0, field=f"travel.{field}", id=name)
        return Place(point.lat, point.lon)
