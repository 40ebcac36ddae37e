"""Where a helicopter may come down: light, room, ground, and who has to secure it first.

Limits are data (tables/landing.json). How long the securing takes counts in routing/air/flight.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from casebook.place import Place
from routing.air.aircraft import Aircraft
from routing.air.checks import FINE, Check, refuse, unknown
from routing.air.spread import Mark, Spread
from routing.air.tables import table

_ROOM = table("landing")["room_d"]
_PAVED = frozenset(table("landing")["paved"]["kinds"])
_SURFACES = table("landing")["surfaces"]
SLOPE_LIMIT_DEG = float(table("landing")["slope_deg"]["limit"])


@dataclass(frozen=True, slots=True)
class LandingSite:
    """Where a helicopter may land. `size_m` (length, width), `lit` and the like are None where not known.

    A `helipad` is surveyed; everything else, unless `surveyed`, is judged by its size. `pad_to_ed_s` and `by_ambulance`
    (a second ambulance carries the patient to the door) belong to hospital pads. `night_use` False: not by night,
    whatever the light. `secured_by` must keep people and vehicles off first; `secure` is how long that takes from
    being sent, None where not known.
    """

    id: str
    place: Place
    kind: str
    size_m: tuple[float, float] | None = None
    lit: bool | None = None
    pad_to_ed_s: float | None = None
    source: str = ""
    confidence: str = ""
    surveyed: bool | None = None
    surface: str | None = None
    slope_deg: float | None = None
    night_use: bool | None = None
    secured_by: str = ""
    secure: Spread | None = None
    pad_to_ed_mark: Mark = "given"
    by_ambulance: bool = False

    @property
    def named(self) -> dict[str, str]:
        """Its names as facts of a reason, each language falling back to the other, then to the id."""
        zh, en = self.place.name_zh, self.place.name_en
        return {"site_zh": zh or en or self.id, "site_en": en or zh or self.id}


def check_site(site: LandingSite, aircraft: Aircraft, *, night: bool) -> Check:
    """Light, room and ground. By day at least 2 D each way, by night on unsurveyed ground 4 D by 2 D; depends on the
    machine by its D alone."""
    check = _check_night(site) if night else FINE
    if site.secured_by and site.secure is None:
        check = check.also(unknown("air_site_securing_unknown", **site.named))
    if site.kind == "helipad":
        return check
    room = FINE if site.surveyed else _check_room(site, aircraft.d_value_m, night=night)
    return check.also(room).also(_check_ground(site))


def _check_night(site: LandingSite) -> Check:
    if site.night_use is False:
        return refuse("air_site_not_by_night", **site.named)
    if site.lit is None:
        return unknown("air_site_light_unknown", **site.named)
    return FINE if site.lit else refuse("air_site_unlit", **site.named)


def _check_room(site: LandingSite, d_value_m: float, *, night: bool) -> Check:
    if site.size_m is None:
        return unknown("air_site_size_unknown", **site.named)
    length_m, width_m = max(site.size_m), min(site.size_m)
    length_d, width_d = _ROOM["night" if night else "day"]
    need_length_m, need_width_m = length_d * d_value_m, width_d * d_value_m
    if length_m >= need_length_m and width_m >= need_width_m:
        return FINE
    needed = {"need_length_m": round(need_length_m, 1), "need_width_m": round(need_width_m, 1)}
    return refuse("air_site_too_small", **site.named, length_m=length_m, width_m=width_m, **needed)


def _check_ground(site: LandingSite) -> Check:
    """Slope and surface; asked for on open ground only, judged wherever they are stated."""
    asked = site.kind not in _PAVED and not site.surveyed
    check = FINE
    if site.slope_deg is not None and site.slope_deg > SLOPE_LIMIT_DEG:
        check = refuse("air_site_steep", **site.named, slope_deg=site.slope_deg, limit_deg=SLOPE_LIMIT_DEG)
    if site.slope_deg is None and asked:
        check = unknown("air_site_slope_unknown", **site.named)
    if site.surface in _SURFACES["refused"]:
        return check.also(refuse("air_site_no_ground", **site.named))
    doubtful = asked if site.surface is None else site.surface not in _SURFACES["firm"]
    return check.also(unknown("air_site_surface_unknown", **site.named)) if doubtful else check
