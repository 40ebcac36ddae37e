"""A scripted course of vital signs: points in time with targets, straight lines between them.

What a casualty's body does, not yet what a monitor shows of it; that is `generator`. A field that no point names is
never measured; from a point that gives it as None it is not measured until the next that gives a number (sensor off).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from casebook.errors import RefusedInput
from casebook.vitals import GCS_FIELDS, refuse_impossible_value

LINES = ("hr_bpm", "spo2_pct", "sbp_mmhg", "dbp_mmhg", "rr_bpm", "etco2_mmhg", "temp_c")
SPOTS = ("glucose_mmol_l", *GCS_FIELDS, "avpu", "pain")
"""LINES change steadily between points; SPOTS are findings of a moment and hold until the next."""

# What the body does where the course says nothing: an adult at rest; shapes the waves, is never shown as a number.
AT_REST = {"hr_bpm": 80.0, "spo2_pct": 97.0, "sbp_mmhg": 120.0, "dbp_mmhg": 75.0, "rr_bpm": 16.0, "etco2_mmhg": 38.0}


@dataclass(frozen=True, slots=True)
class _Line:
    """One field's targets: `at_s` ascending, `values` beside them; `off` are the spans in which it is not measured."""

    at_s: np.ndarray
    values: np.ndarray
    off: tuple[tuple[float, float], ...]


class Course:
    """Targets by field and time. Times are seconds from the course's start; before and after it, the ends hold."""

    def __init__(self, points: Sequence[Mapping[str, Any]]) -> None:
        """`points`: ``{"at": seconds, field: target, ...}`` in ascending order; a target of None is "sensor off".

        Raises RefusedInput: `course_empty`, `bad_course_point`, `course_not_ascending`, `course_pressures`,
        `impossible_vital`, `bad_vital`.
        """
        _refuse_bad(points)
        self._lines = {name: _line(name, points) for name in LINES if any(name in point for point in points)}
        self._spots = {name: _steps(name, points) for name in SPOTS if any(name in point for point in points)}

    def has(self, name: str) -> bool:
        """Whether the course ever says anything about the field."""
        return name in self._lines or name in self._spots

    def body(self, name: str, at_s: np.ndarray) -> np.ndarray:
        """What the body does at these times (one of LINES with a value in AT_REST), also while the sensor is off."""
        line = self._lines.get(name)
        if line is None or not len(line.at_s):
            return np.full(len(at_s), AT_REST[name])
        return np.interp(at_s, line.at_s, line.values)

    def is_measured(self, name: str, at_s: float) -> bool:
        line = self._lines.get(name)
        return line is not None and not any(start <= at_s < end for start, end in line.off)

    def measured(self, name: str, at_s: float) -> float | None:
        """The target of one of LINES at one time; None while it is not measured."""
        line = self._lines.get(name)
        return float(np.interp(at_s, line.at_s, line.values)) if line and self.is_measured(name, at_s) else None

    def off_mask(self, name: str, at_s: np.ndarray) -> np.ndarray:
        """True where the field's sensor is off; everywhere when the course never names it."""
        line = self._lines.get(name)
        mask = np.full(len(at_s), line is None)
        for start, end in line.off if line else ():
            mask |= (at_s >= start) & (at_s < end)
        return mask

    def spot(self, name: str, at_s: float) -> Any:
        """The newest finding of one of SPOTS; None before the first."""
        found = None
        for start, value in self._spots.get(name, ()):
            if start <= at_s:
                found = value
        return found


def _refuse_bad(points: Sequence[Mapping[str, Any]]) -> None:
    if not points:
        raise RefusedInput("course_empty")
    before = -math.inf
    for number, point in enumerate(points, start=1):
        for name in point:
            if name != "at" and name not in LINES and name not in SPOTS:
                known = ", ".join(("at", *LINES, *SPOTS))
                raise RefusedInput("bad_course_point", number=number, field=name, known=known)
        at_s = point.get("at")
        if isinstance(at_s, bool) or not isinstance(at_s, (int, float)) or not math.isfinite(at_s):
            raise RefusedInput("bad_course_point", number=number, field="at", known="0, 60, 120.5 (s)")
        if at_s <= before:
            raise RefusedInput("course_not_ascending", number=number, at_s=at_s, before_s=before)
        before = at_s
        _refuse_bad_targets(point)


def _refuse_bad_targets(point: Mapping[str, Any]) -> None:
    for name, value in point.items():
        if name == "avpu":
            if value not in ("A", "V", "P", "U", None):
                raise RefusedInput("bad_vital", field=name, value=value, needs="A, V, P, U")
        elif name != "at" and value is not None and not (name in GCS_FIELDS and value == "NT"):
            refuse_impossible_value(name, value)
    sbp, dbp = point.get("sbp_mmhg"), point.get("dbp_mmhg")
    if sbp is not None and dbp is not None and dbp > sbp:
        raise RefusedInput("course_pressures", sbp=sbp, dbp=dbp)


def _line(name: str, points: Sequence[Mapping[str, Any]]) -> _Line:
    named = [(float(point["at"]), point[name]) for point in points if name in point]
    known = [(at_s, float(value)) for at_s, value in named if value is not None]
    starts_late = named[0][1] is None or named[0][0] > float(points[0]["at"])
    off = [(-math.inf, named[0][0])] if starts_late else []
    for (at_s, value), (next_at_s, _) in zip(named, [*named[1:], (math.inf, None)], strict=True):
        off += [(at_s, next_at_s)] if value is None else []
    return _Line(np.array([at_s for at_s, _ in known]), np.array([value for _, value in known]), tuple(off))


def _steps(name: str, points: Sequence[Mapping[str, Any]]) -> tuple[tuple[float, Any], ...]:
    return tuple((float(point["at"]), point[name]) for point in points if name in point)
