"""Shapes in which rows come: our own columns, TomTom's and HERE's answers, our vehicles' fixes (docs/traffic.md)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from routing.traffic.floating import VehicleFix
from routing.traffic.told import Row, RowError, Told, Where

KPH_PER_MPS = 3.6
#: HERE Traffic API v7, "confidence": above 0.7 real-time, 0.5 to 0.7 historical, up to 0.5 merely the speed limit.
HERE_OBSERVED = 0.5


def read_plain(row: Row) -> Told:
    """Our own columns: u, v, key | way, direction | line; speed_kph, at; source, confidence, low_kph, high_kph,
    closed, segment."""

    def ends() -> tuple[float, float, float]:
        kph, share = row.kph("speed_kph", row.values.get("speed_kph")), row.confidence(row.values.get("confidence"))
        low, _, high = row.range_kph(kph, share)
        low = row.kph("low_kph", row.text("low_kph")) if row.text("low_kph") else low
        high = row.kph("high_kph", row.text("high_kph")) if row.text("high_kph") else high
        if not low <= kph <= high:
            raise RowError("low_kph", "range", value=f"{low}, {kph}, {high}")
        return low, kph, high

    closed = row.flag("closed", row.values.get("closed")) or False
    return row.told(_where(row), row.instant("at", row.values.get("at")), closed, ends, row.text("segment"))


def _where(row: Row) -> Where:
    if row.text("u"):
        return "edge", row.whole("u"), row.whole("v"), row.whole("key") if row.text("key") else 0
    if row.text("way"):
        direction = row.text("direction").lower()
        if direction not in ("forward", "backward"):
            raise RowError("direction", "direction", value=direction)
        return "way", row.whole("way"), direction == "forward"
    if row.values.get("line"):
        return _line(row, "line", _points(row.values["line"]))
    raise RowError("u", "no_where")


def _points(value: Any) -> list[Any]:
    """[[lon, lat], ...] or the text ``lon lat, lon lat`` (with or without LINESTRING round it)."""
    if not isinstance(value, str):
        return list(value) if isinstance(value, (list, tuple)) else []
    inner = value.strip().upper().removeprefix("LINESTRING").strip().strip("()")
    return [pair.split() for pair in inner.replace(";", ",").split(",") if pair.strip()]


def _line(row: Row, name: str, points: Iterable[Any]) -> Where:
    found: list[tuple[float, float]] = []
    for point in points:
        if not isinstance(point, (list, tuple)) or len(point) < 2:
            raise RowError(name, "line", value=point)
        lon, lat = row.number(name, point[0]), row.number(name, point[1])
        if not (-180 <= lon <= 180 and -90 <= lat <= 90):
            raise RowError(name, "line", value=f"{lon}, {lat}")
        found.append((lon, lat))
    if len(found) < 2:
        raise RowError(name, "line", value=len(found))
    return "line", tuple(found)


def read_tomtom(row: Row) -> Told:
    """TomTom Traffic API, Flow Segment Data, version 4, with unit=kmph. It carries no instant: ours of asking, or a
    field `at` that whoever pushes puts beside it."""
    segment = row.values.get("flowSegmentData")
    coordinates = segment.get("coordinates") if isinstance(segment, dict) else None
    if not isinstance(segment, dict) or not isinstance(coordinates, dict):
        raise RowError("flowSegmentData", "no_where")
    points = [
        (one.get("longitude"), one.get("latitude")) if isinstance(one, dict) else ()
        for one in coordinates.get("coordinate") or ()
    ]

    def ends() -> tuple[float, float, float]:
        kph = row.kph("currentSpeed", segment.get("currentSpeed"))
        return row.range_kph(kph, row.confidence(segment.get("confidence")))

    at = row.instant("at", row.values["at"]) if row.text("at") else row.now
    closed = row.flag("roadClosure", segment.get("roadClosure")) or False
    return row.told(_line(row, "coordinates", points), at, closed, ends, str(segment.get("openlr") or ""))


def read_here(row: Row) -> Told:
    """HERE Traffic API v7, flow, with locationReferencing=shape: speeds in m/s, instant of the whole answer."""
    location, flow = row.values.get("location"), row.values.get("currentFlow")
    if not isinstance(location, dict) or not isinstance(flow, dict):
        raise RowError("location", "no_where")
    shape = location.get("shape")
    links = shape.get("links") if isinstance(shape, dict) else None
    points: list[tuple[Any, Any]] = []
    for link in links if isinstance(links, list) else ():
        for one in (link.get("points") or ()) if isinstance(link, dict) else ():
            point = (one.get("lng"), one.get("lat")) if isinstance(one, dict) else (None, None)
            points += [point] if not points or points[-1] != point else []

    def ends() -> tuple[float, float, float]:
        share = row.confidence(flow.get("confidence"))
        if share is not None and share <= HERE_OBSERVED:
            raise RowError("confidence", "not_observed", value=share)
        return row.range_kph(row.kph("speed", flow.get("speed"), KPH_PER_MPS), share)

    at = row.instant("sourceUpdated", row.values.get("updated"))
    closed = str(flow.get("traversability", "open")) == "closed"
    return row.told(_line(row, "shape", points), at, closed, ends, "")


def read_fix(row: Row) -> VehicleFix:
    """Our own vehicles: unit, at, lat, lon, siren (yes, no, empty = not known)."""
    if not row.text("unit"):
        raise RowError("unit", "no_unit")
    (_, ((lon, lat), _)) = _line(row, "lat", [(row.values.get("lon"), row.values.get("lat"))] * 2)
    at = row.instant("at", row.values.get("at"))
    return VehicleFix(row.text("unit"), at, lat, lon, row.flag("siren", row.values.get("siren")))
