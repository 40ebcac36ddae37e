"""The views of all vehicles of one hub: what they share is made once, and a view only when what it is made of changed.

A thousand vehicles look at the same hospitals, and all of one incident at the same casualties at its scene; of a
thousand samples a second none changes what another vehicle is told. The picture's states are never changed in place,
so "the same objects as before" means "the same view". What a view says is told.py's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ambulance_unit.told import (
    casualty_for_unit,
    casualty_view,
    concerns,
    flies_with,
    is_at_scene,
    mission_view,
    own_view,
    shared_view,
)
from casebook.casualty import OVER
from casebook.kept_parts import KeptParts
from casebook.live import PlainView, plain, same
from casebook.picture import CasualtyState, Hold, MessageState, Picture, UnitState
from casebook.recordings import find_running

# What streams in without changing a vehicle's own view: its place and picture, its casualty's samples.
STREAMED = frozenset({"position", "position_at", "quality", "quality_at", "trend"})
NOBODY = PlainView()


@dataclass(frozen=True, slots=True)
class _Mission:
    """What one vehicle with an incident is told of casualties.

    `scene`: shared by all that see it, the same object while it says the same; `own`: (casualty, part) of those that
    this vehicle alone sees; `special`: those of either with something for this vehicle alone.
    """

    scene: Mapping[str, Any]
    own: Sequence[tuple[str, Any]]
    special: Sequence[CasualtyState]
    partners: Sequence[UnitState]


class FleetViews:
    """Give `look` and `made_of` of one vehicle to its feed (casebook/live.py)."""

    def __init__(self) -> None:
        self._shared = PlainView()
        self._shared_of: tuple[Any, ...] = ()
        self._again_at: datetime | None = None  # when time alone changes what is shared
        self._index = _Index(Picture())
        self._parts = KeptParts()  # casualty -> what is told of it to everybody who sees it
        self._scenes: dict[str, PlainView] = {}  # incident -> as it was told last

    def look(self, picture: Picture, unit: str, now: datetime) -> PlainView:
        """What `told.unit_view` gives, without the unknown."""
        shared, state = self._share(picture, now), picture.units.get(unit)
        if state is None or state.incident is None:
            return PlainView(shared | plain(own_view(picture, unit, now)))
        mission = self._mission(picture, state, now)
        casualties = mission.scene
        if mission.own or mission.special:
            casualties = {**mission.scene, **dict(mission.own)}
            for one in mission.special:
                casualties[one.id] = casualties[one.id] | plain(casualty_for_unit(picture, one, unit))
        told = plain(mission_view(picture, state, mission.partners))
        return PlainView(shared | told | {"casualties": casualties})

    def made_of(self, picture: Picture, unit: str, now: datetime) -> tuple[Any, ...]:
        """While these are the same objects, `look` gives the same view."""
        shared, state = self._share(picture, now), picture.units.get(unit)
        if state is None:
            return (shared,)
        if state.incident is None:
            return (shared, *_lasting(state))
        mission = self._mission(picture, state, now)
        own = [part for _, part in mission.own]
        alone = (find_running(picture, unit), *(one.guidance for one in mission.special))
        return (
            shared, *_lasting(state), picture.incidents[state.incident], mission.scene, *own, *alone, *mission.partners,
        )  # fmt: skip

    def _share(self, picture: Picture, now: datetime) -> PlainView:
        made_of = (picture.hospitals, picture.holds, picture.roads, picture.drill)
        over = self._again_at is not None and now >= self._again_at
        if over or not same(made_of, self._shared_of):
            self._shared = kept(self._shared, plain(shared_view(picture, now)))
            self._shared_of, self._again_at = made_of, next_end(picture, now)
            self._index = _Index(Picture())  # a hold may have ended
        return self._shared

    def _mission(self, picture: Picture, state: UnitState, now: datetime) -> _Mission:
        if not self._index.is_of(picture):
            self._index = _Index(picture, now)
            self._parts.forget_but(self._index.told)
            if len(self._scenes) > len(picture.units):
                going_on = {unit.incident for unit in picture.units.values()}
                self._scenes = {id: scene for id, scene in self._scenes.items() if id in going_on}
        crowd, flies = self._index.crowds.get(state.incident or "", _Crowd()), state.kind == "helicopter"
        scene = NOBODY if flies else self._scene(picture, state.incident or "", crowd, now)
        mine = [one for one in crowd.by_unit.get(state.id, ()) if concerns(one, state)]
        mine = [one for one in mine if flies or not is_at_scene(one)]
        own = [(one.id, self._part(picture, one, now)) for one in mine]
        seen = mine if flies else [*(crowd.at_scene if find_running(picture, state.id) else crowd.marked), *mine]
        named = {one.unit for one in mine} if flies else {*crowd.aircraft, *map(flies_with, mine)}
        partners = [picture.units[id] for id in sorted(filter(None, named)) if id in picture.units and id != state.id]
        return _Mission(scene, own, [one for one in seen if casualty_for_unit(picture, one, state.id)], partners)

    def _scene(self, picture: Picture, incident: str, crowd: _Crowd, now: datetime) -> PlainView:
        """Everybody at the scene of an incident; the object that it was while it says the same."""
        if crowd.scene is None:
            told = PlainView((one.id, self._part(picture, one, now)) for one in crowd.at_scene)
            before = self._scenes.get(incident)
            crowd.scene = self._scenes[incident] = before if before is not None and before == told else told
        return crowd.scene

    def _part(self, picture: Picture, one: CasualtyState, now: datetime) -> Any:
        made_of = (*_lasting(one), *self._index.beside(one.id))
        return self._parts.get(one.id, made_of, lambda: casualty_view(picture, one, now))


@dataclass(slots=True)
class _Crowd:
    """The casualties of one incident. `at_scene`: whom every crew on the ground sees; of those `marked` have marks, and
    `aircraft` fly for them. `by_unit`: those that a vehicle carries or that are planned for it."""

    at_scene: list[CasualtyState] = field(default_factory=list)
    marked: list[CasualtyState] = field(default_factory=list)
    aircraft: set[str] = field(default_factory=set)
    by_unit: dict[str, list[CasualtyState]] = field(default_factory=dict)
    scene: PlainView | None = None

    def add(self, one: CasualtyState) -> None:
        aircraft = flies_with(one)
        if is_at_scene(one):
            self.at_scene.append(one)
            if one.guidance is not None:
                self.marked.append(one)
            if aircraft:
                self.aircraft.add(aircraft)
        for unit in dict.fromkeys(filter(None, (one.unit, aircraft))):
            self.by_unit.setdefault(unit, []).append(one)


class _Index:
    """Of one picture: what belongs to an incident or a casualty, so that nobody goes through all of them. What of it
    time changes stands as it was at `now`."""

    def __init__(self, picture: Picture, now: datetime | None = None) -> None:
        self._of, self._now = (picture.casualties, picture.holds, picture.messages), now
        self.crowds: dict[str, _Crowd] = {}
        self.told: dict[str, CasualtyState] = {}  # but for those whose crew has left them behind
        for one in picture.casualties.values():
            self.crowds.setdefault(one.incident, _Crowd()).add(one)
            if one.stage not in OVER or _is_with(picture.units.get(one.unit or ""), one):
                self.told[one.id] = one
        self._holds: dict[str, Hold] = {}
        for hold in picture.holds.values():
            self._holds.setdefault(hold.casualty, hold)
        self._messages: dict[str, list[MessageState]] = {}
        for message in picture.messages.values():
            self._messages.setdefault(message.casualty, []).append(message)

    def is_of(self, picture: Picture) -> bool:
        return same(self._of, (picture.casualties, picture.holds, picture.messages))

    def beside(self, casualty: str) -> Iterable[Any]:
        """The hold that is in force (or None), and the messages."""
        hold = self._holds.get(casualty)
        in_force = hold is not None and self._now is not None and hold.until > self._now
        return (hold if in_force else None, *self._messages.get(casualty, ()))


def _is_with(unit: UnitState | None, one: CasualtyState) -> bool:
    """Whether its vehicle is still on the mission that it was on for it."""
    return unit is not None and unit.incident == one.incident


def kept(old: Mapping[str, Any], new: Mapping[str, Any]) -> PlainView:
    """`new`, with the old object wherever it says the same; the old one itself where all of it does."""
    if isinstance(old, PlainView) and old == new:
        return old
    return PlainView((name, _kept_value(old.get(name), value)) for name, value in new.items())


def _kept_value(before: Any, value: Any) -> Any:
    if before == value:
        return before
    return kept(before, value) if isinstance(before, dict) and isinstance(value, dict) else value


def next_end(picture: Picture, now: datetime) -> datetime | None:
    """The next instant at which a hold, a closure or a closed road runs out by itself."""
    ends = [hold.until for hold in picture.holds.values()]
    ends += [one.until for hospital in picture.hospitals.values() for one in hospital.closures.values() if one.until]
    ends += [road.until for road in picture.roads.values() if road.until]
    return min((end for end in ends if end > now), default=None)


def _lasting(state: UnitState | CasualtyState) -> Iterable[Any]:
    return (value for name, value in state.__dict__.items() if name not in STREAMED)
