"""May a machine lift the patient from where they lie, without landing: its hoist, the wind, what stands around.

What is asked of every such lift is data (tables/landing.json). Nobody has surveyed the place of a casualty: until
somebody there says that it is clear of wires and trees, that is not known. How long a lift takes is a figure.
"""

from __future__ import annotations

from routing.air.aircraft import Aircraft
from routing.air.checks import FINE, Check, refuse, unknown
from routing.air.tables import table
from routing.air.weather import Weather

_ASKS = frozenset(table("landing")["hoist"]["asks"])


def check_hoist(aircraft: Aircraft, weather: Weather | None, *, night: bool, clear: bool | None) -> Check:
    """May it lift the patient without landing? `clear`: whether the place is free of obstacles; None = nobody said."""
    if not aircraft.hoist:
        return refuse("air_no_hoist", **aircraft.named)
    return _check_night(aircraft, night).also(_check_wind(aircraft, weather)).also(_check_place(clear))


def _check_night(aircraft: Aircraft, night: bool) -> Check:
    if not night or aircraft.hoist_at_night:
        return FINE
    if aircraft.hoist_at_night is None:
        return unknown("air_hoist_night_unknown", **aircraft.named)
    return refuse("air_no_hoist_by_night", **aircraft.named)


def _check_wind(aircraft: Aircraft, weather: Weather | None) -> Check:
    """A hover wants the wind known also where no limit is stated; where one is, every flight asks for it."""
    known = weather is not None and weather.wind_kt is not None
    asked = "wind" in _ASKS and aircraft.wind_limit_kt is None
    return FINE if known or not asked else unknown("air_wind_unknown")


def _check_place(clear: bool | None) -> Check:
    if clear is False:
        return refuse("air_hoist_obstacles")
    return FINE if clear or "place" not in _ASKS else unknown("air_hoist_place_unknown")
