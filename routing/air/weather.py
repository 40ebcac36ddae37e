"""May a machine fly in this weather: the reported sky and wind against dated minima (tables/weather_minima.json).

The European tables stand in for an operator's own, which a machine may name. Nothing reported is never fair weather.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from casebook.errors import RefusedInput
from routing.air.aircraft import Aircraft
from routing.air.checks import FINE, Check, refuse, unknown
from routing.air.tables import table

MINIMA: Mapping[str, Mapping[str, Any]] = table("weather_minima")["tables"]


@dataclass(frozen=True, slots=True)
class Weather:
    """What is reported; None = not reported, which is never fair weather."""

    ceiling_ft: float | None = None
    visibility_m: float | None = None
    wind_kt: float | None = None


def check_weather(weather: Weather | None, aircraft: Aircraft, *, night: bool) -> Check:
    """Against the machine's table of minima and its own wind limit. Raises RefusedInput for an unknown table."""
    weather = weather or Weather()
    if aircraft.minima not in MINIMA:
        why = f"{aircraft.minima}: {', '.join(MINIMA)}"
        raise RefusedInput("bad_field", where="aircraft", field="minima", why=why)
    rows = MINIMA[aircraft.minima]["night" if night else "day"][str(aircraft.pilots)]
    return _check_sky(weather, rows).also(_check_wind(weather, aircraft))


def _check_sky(weather: Weather, rows: Sequence[Sequence[float]]) -> Check:
    ceiling_ft, visibility_m = weather.ceiling_ft, weather.visibility_m
    lowest_ft, least_m = min(row[0] for row in rows), min(row[1] for row in rows)
    if ceiling_ft is not None and ceiling_ft < lowest_ft:
        return refuse("air_ceiling_low", ceiling_ft=ceiling_ft, minimum_ft=lowest_ft)
    if visibility_m is not None and visibility_m < least_m:
        return refuse("air_visibility_low", visibility_m=visibility_m, minimum_m=least_m)
    check = FINE
    if ceiling_ft is None:
        check = check.also(unknown("air_ceiling_unknown"))
    if visibility_m is None:
        check = check.also(unknown("air_visibility_unknown"))
    if ceiling_ft is None or visibility_m is None:
        return check
    needed_m = min(row_m for row_ft, row_m in rows if ceiling_ft >= row_ft)
    if visibility_m < needed_m:
        return refuse("air_visibility_low", visibility_m=visibility_m, minimum_m=needed_m)
    return FINE


def _check_wind(weather: Weather, aircraft: Aircraft) -> Check:
    limit_kt = aircraft.wind_limit_kt
    if limit_kt is None:
        return FINE
    if weather.wind_kt is None:
        return unknown("air_wind_unknown")
    if weather.wind_kt > limit_kt:
        return refuse("air_wind_high", wind_kt=weather.wind_kt, limit_kt=limit_kt)
    return FINE
