"""Coordinates to WGS-84 at dispatch's edge; the transform itself is casebook/datum.py."""

from __future__ import annotations

from casebook.datum import to_gcj02, to_wgs84

__all__ = ["to_gcj02", "to_wgs84"]
