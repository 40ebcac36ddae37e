"""What is asked about one casualty and one hospital: where they are, what could carry them, what is known of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from casebook.place import Place
from routing.air import Aircraft, AirTimes, LandingSite, Term, Weather

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class CarryOn:
    """A landing site near a hospital from which a second ambulance carries on.

    `drive_s`: from the site to the door, None = no way; `there_s`: when the ambulance stands at the site, counted from
    the decision, None = nobody has asked for one.
    """

    site: LandingSite
    drive_s: float | None
    there_s: float | None = None
    drive_range_s: Range | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """One casualty, one hospital, everything that could carry them. Seconds count from the decision.

    `on_scene_s`: until the ambulance may leave. `drive_to_site_s`: from the scene, by site id; None = no way. Ranges
    are p10 and p90 of these; where absent the likely time stands for all three.
    `pad`: where an aircraft lands at the hospital; None = nowhere. `onward`: other places to land for it.
    `scene_landing`: a site assessed at the scene. `scene`: where a hoist would lift from; None = no hoist is wanted.
    `scene_clear`: whether it is free of obstacles there; None = nobody has said.
    `load_kg`: patient, attendants and kit; None = not weighed. `securing_s_ago`: since somebody was sent to secure a
    site, by its id. `daylight_left_s`: until night begins; None = not asked. `incident_s_ago`: since the incident.
    """

    hospital: str
    drive_to_door_s: float | None
    drive_to_site_s: Mapping[str, float | None] = field(default_factory=dict)
    sites: Sequence[LandingSite] = ()
    aircraft: Sequence[Aircraft] = ()
    pad: LandingSite | None = None
    scene_landing: LandingSite | None = None
    on_scene_s: float = 0.0
    times: AirTimes = field(default_factory=AirTimes)
    night: bool = False
    weather: Weather | None = None
    onward: Sequence[CarryOn] = ()
    scene: Place | None = None
    scene_clear: bool | None = None
    load_kg: float | None = None
    securing_s_ago: Mapping[str, float] = field(default_factory=dict)
    daylight_left_s: float | None = None
    incident_s_ago: float | None = None
    on_scene_range_s: Range | None = None
    drive_to_door_range_s: Range | None = None
    drive_to_site_range_s: Mapping[str, Range] = field(default_factory=dict)

    def on_scene_term(self) -> Term:
        return given("on_scene", self.on_scene_s, self.on_scene_range_s)


def given(name: str, seconds: float, range_s: Range | None) -> Term:
    """A time that whoever asks states, with its range where there is one."""
    low_s, high_s = range_s or (None, None)
    return Term(name, seconds, low_s, high_s, mark="given", ends="given")
