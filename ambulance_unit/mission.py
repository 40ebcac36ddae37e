"""Where a vehicle is in its mission: when it set off, where it is bound for, and which fact its arrival is.

Pure; looks at the vehicle's view (`told.unit_view`, with its own facts laid over it). What the crew may do next is
`next_step`'s; moving is `position`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from casebook import events as e
from casebook.place import Place
from casebook.steps import Duty

View = dict[str, Any]
Bound = Literal["scene", "landing_site", "hospital"]
# The fact that sets a vehicle in motion, and the facts after which an older leg is done with.
_SETS_OFF = {Duty.EN_ROUTE: "unit_en_route", Duty.TRANSPORTING: "unit_left_scene"}
_STOPS = ("unit_on_scene", "unit_at_landing_site", "unit_at_destination")


@dataclass(frozen=True, slots=True)
class Drive:
    """A leg under way. `line`: (lon, lat, seconds since departure); it ends at `departed_at` + `eta_s` exactly."""

    departed_at: datetime
    line: tuple[tuple[float, float, float], ...]
    eta_s: float
    to: Place
    mode: str = "road"


def departed_at(duty: str, leg_at: datetime | None, times: Mapping[str, datetime]) -> datetime | None:
    """When the present leg began to be driven or flown; None while standing, or when no leg leads onward.

    A leg given under way (a new route) begins when it was given. A leg older than the last stop is the one that led
    there: the vehicle waits for the next.
    """
    set_off = times.get(_SETS_OFF.get(Duty(duty), ""))
    if set_off is None or leg_at is None:
        return None
    if duty == Duty.TRANSPORTING and any(leg_at < times[stop] for stop in _STOPS if stop in times):
        return None
    return max(set_off, leg_at)


def drive_of(view: View) -> Drive | None:
    """The leg this vehicle is on, or None."""
    unit, leg = view.get("unit"), view.get("leg")
    if not unit or not leg or "halted" in leg:
        return None
    times = {name: instant(at) for name, at in unit.get("times", {}).items()}
    departed = departed_at(unit["duty"], instant(leg["given_at"]), times)
    if departed is None:
        return None
    line = tuple((lon, lat, s) for lon, lat, s in leg["line"])
    return Drive(departed, line, leg["eta_s"], place_of(leg["to"]), leg.get("mode", "road"))


def stands_at(view: View, base: Place) -> Place:
    """Where a vehicle that is not under way is: where it waits for a way, at the near end of a leg it has yet to drive,
    at the far end of one it has driven, else at its base. For drills, where no receiver says it."""
    leg = view.get("leg")
    if leg and "halted" in leg:
        return place_of(leg["halted"])
    if "unit" not in view or not leg or not leg["line"]:
        return base
    lon, lat, _ = leg["line"][0 if leg_is_ahead(view) else -1]
    return Place(lat, lon)


def leg_is_ahead(view: View) -> bool:
    """Whether there is a leg that leads onward from where the vehicle stands, and not the one that led there."""
    unit, leg = view["unit"], view.get("leg")
    if not leg:
        return False
    stops = [instant(at) for name, at in unit.get("times", {}).items() if name in _STOPS]
    return not stops or instant(leg["given_at"]) >= max(stops)


def with_leg_now(view: View) -> View:
    """The view with its leg as it stands: when it ends by the crew's own departure, and no leg that is done with."""
    if "leg" not in view or "unit" not in view:
        return view
    drive = drive_of(view)
    if drive is not None:
        return {**view, "leg": {**view["leg"], "eta_at": drive.departed_at + timedelta(seconds=drive.eta_s)}}
    return view if leg_is_ahead(view) else {name: value for name, value in view.items() if name != "leg"}


def bound_for(view: View) -> Bound:
    """What the present leg leads to. Outbound it is the scene, unless an aircraft is to meet an ambulance elsewhere."""
    unit, planned = view["unit"], planned_casualty(view)
    meets = bool(planned and planned["destination"].get("rendezvous"))
    flies = unit["kind"] == "helicopter"
    if unit["duty"] == Duty.TRANSPORTING:
        met_before = "unit_at_landing_site" in unit.get("times", {})  # it did not come off, the hospital is next
        return "landing_site" if meets and not flies and not met_before else "hospital"
    return "landing_site" if meets and flies else "scene"


def planned_casualty(view: View) -> View | None:
    """The casualty whose destination this vehicle follows: of those aboard, or while nobody is, of those it sees."""
    casualties = view.get("casualties", {})
    aboard = [casualties[id] for id in view["unit"].get("aboard", ()) if id in casualties]
    return next((one for one in aboard or casualties.values() if "destination" in one), None)


def arrival_of(view: View) -> e.Event | None:
    """The fact that reaching the end of the present leg is; None when the mission does not say where that is."""
    unit, planned = view["unit"], planned_casualty(view)
    match bound_for(view):
        case "scene":
            return e.UnitOnScene(unit["id"])
        case "landing_site" if planned:
            return e.UnitAtLandingSite(unit["id"], planned["destination"]["rendezvous"])
        case "hospital" if planned:
            return e.UnitAtDestination(unit["id"], planned["destination"]["hospital"])
    return None


def place_of(plain: Mapping[str, Any]) -> Place:
    return Place(**plain)


def instant(text: str | datetime) -> datetime:
    return text if isinstance(text, datetime) else datetime.fromisoformat(text)
