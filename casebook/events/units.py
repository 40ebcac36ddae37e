"""Facts of the vehicles: enrolled, assigned, moving, arriving, free again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from casebook.events.fact import Event, Reason, fact
from casebook.place import Place


@fact("unit_enrolled")
@dataclass(frozen=True, slots=True)
class UnitEnrolled(Event):
    """A vehicle is in service. `kind`: ambulance, ambulance_5g, helicopter. `district`: whose it is."""

    unit: str
    kind: str
    name_zh: str
    name_en: str
    district: str
    base: Place
    station: str = ""


@fact("unit_on_standby")
@dataclass(frozen=True, slots=True)
class UnitOnStandby(Event):
    """Crew at the machine, ready to go at once (空中待命)."""

    unit: str
    incident: str


@dataclass(frozen=True, slots=True)
class Leg:
    """A drive or flight to follow. `line`: (lon, lat, seconds since departure) per vertex."""

    to: Place
    line: tuple[tuple[float, float, float], ...]
    length_m: float
    eta_s: float
    eta_low_s: float | None = None
    eta_high_s: float | None = None
    mode: str = "road"
    traffic_version: str = ""
    avoids: tuple[str, ...] = ()


@fact("unit_assigned")
@dataclass(frozen=True, slots=True)
class UnitAssigned(Event):
    """The unit was notified (派车指令). `reasons`: word keys with facts, why this unit and not the next."""

    unit: str
    incident: str
    purpose: str = "transport"
    leg: Leg | None = None
    reasons: tuple[Reason, ...] = ()


@fact("unit_acknowledged")
@dataclass(frozen=True, slots=True)
class UnitAcknowledged(Event):
    unit: str


@fact("unit_en_route")
@dataclass(frozen=True, slots=True)
class UnitEnRoute(Event):
    """Wheels rolling (出车), or lifted."""

    unit: str


@fact("unit_on_scene")
@dataclass(frozen=True, slots=True)
class UnitOnScene(Event):
    """到达现场"""

    unit: str


@fact("unit_at_patient")
@dataclass(frozen=True, slots=True)
class UnitAtPatient(Event):
    """接触患者; may be ten minutes after on scene in a high building."""

    unit: str
    casualty: str


@fact("unit_left_scene")
@dataclass(frozen=True, slots=True)
class UnitLeftScene(Event):
    """离开现场; for a helicopter: lifted from the landing site with the patient on board."""

    unit: str


@fact("leg_given")
@dataclass(frozen=True, slots=True)
class LegGiven(Event):
    """Dispatch gave the unit its next drive or flight (to the landing site, to the hospital).

    `why` is set when it takes the place of a leg under way: word keys with facts, what changed on the roads.
    """

    unit: str
    purpose: str
    leg: Leg
    why: tuple[Reason, ...] | None = None


@fact("leg_blocked")
@dataclass(frozen=True, slots=True)
class LegBlocked(Event):
    """The roads changed and no way is left from `here` to `to`; the unit waits for a person, or for a road to open."""

    unit: str
    to: Place
    here: Place
    closures: tuple[str, ...] = ()


@fact("leg_seen")
@dataclass(frozen=True, slots=True)
class LegSeen(Event):
    """The crew has seen that its route changed. `given_at` names the leg: when it was given."""

    unit: str
    given_at: datetime


@fact("unit_at_landing_site")
@dataclass(frozen=True, slots=True)
class UnitAtLandingSite(Event):
    unit: str
    site: str


@fact("unit_at_destination")
@dataclass(frozen=True, slots=True)
class UnitAtDestination(Event):
    """到达医院; for a helicopter: landed on the pad."""

    unit: str
    hospital: str


@fact("unit_back_in_service")
@dataclass(frozen=True, slots=True)
class UnitBackInService(Event):
    """返回: free for the next call."""

    unit: str


@fact("unit_stood_down")
@dataclass(frozen=True, slots=True)
class UnitStoodDown(Event):
    unit: str
    reason: str


@fact("position_reported")
@dataclass(frozen=True, slots=True)
class PositionReported(Event):
    """A fix, WGS-84. `heading_deg` clockwise from north."""

    unit: str
    lat: float
    lon: float
    speed_kmh: float | None = None
    heading_deg: float | None = None


@fact("picture_quality_changed")
@dataclass(frozen=True, slots=True)
class PictureQualityChanged(Event):
    """The vehicle's live picture goes out otherwise from now on.

    `rung`: of the quality ladder (media/quality_ladder.json), or "none": no picture is sent. `why`: a reason of the
    ladder (media/quality.py), link_down, no_camera or camera_lost.
    """

    unit: str
    rung: str
    why: str
