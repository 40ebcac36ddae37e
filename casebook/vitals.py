"""One sample of a casualty's vital signs: its fields, their units, what is impossible, doubtful or alarming.

Pure. Limits are a dated table beside this file (`vital_limits.json`); scoring is `casebook/scores`, feeds are the
vehicle's monitor. A field that was not measured is None: never zero, never normal.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal

from casebook.errors import RefusedInput

Priority = Literal["high", "medium", "low"]
GcsPart = int | Literal["NT"]  # NT: assessed, but could not be tested (intubated, eyes swollen shut)
Avpu = Literal["A", "V", "P", "U"]

# UCUM codes of the canonical units; source: unitsofmeasure.org
PER_MINUTE, PERCENT, MMHG, CELSIUS, MMOL_PER_L, POINTS = "/min", "%", "mm[Hg]", "Cel", "mmol/L", "{score}"

MMHG_PER_KPA = 7.50062  # conventional millimetre of mercury, 133.322 Pa; source: ISO 80000-4
MG_DL_PER_MMOL_L = 18.016  # glucose only, molar mass 180.16 g/mol


@dataclass(frozen=True, slots=True)
class Vitals:
    """What was measured at one instant; every field may be None (not measured).

    Pressures are the newest known, whether by cuff or line; `nibp_at` is the aware instant at which the cuff measured
    them, None when they come from an arterial line or are absent.
    """

    hr_bpm: float | None = None  # from the ECG
    pulse_bpm: float | None = None  # from the pleth or the arterial line
    spo2_pct: float | None = None
    sbp_mmhg: float | None = None
    dbp_mmhg: float | None = None
    map_mmhg: float | None = None
    rr_bpm: float | None = None
    etco2_mmhg: float | None = None
    temp_c: float | None = None
    glucose_mmol_l: float | None = None
    gcs_eye: GcsPart | None = None
    gcs_verbal: GcsPart | None = None
    gcs_motor: GcsPart | None = None
    avpu: Avpu | None = None
    pain: int | None = None
    nibp_at: datetime | None = None

    @property
    def gcs(self) -> int | None:
        """Eye + verbal + motor, 3..15; None when any part is unmeasured or not testable."""
        parts = [part for part in (self.gcs_eye, self.gcs_verbal, self.gcs_motor) if isinstance(part, int)]
        return sum(parts) if len(parts) == 3 else None

    def as_dict(self) -> dict[str, Any]:
        """Measured fields only; `nibp_at` as ISO 8601 in UTC. The inverse of `from_dict`."""
        measured = {name: value for name in self.__slots__ if (value := getattr(self, name)) is not None}
        if self.nibp_at is not None:
            measured["nibp_at"] = self.nibp_at.astimezone(UTC).isoformat()
        return measured

    @classmethod
    def from_dict(cls, sample: Mapping[str, Any]) -> Vitals:
        """Read a sample from outside. Raises RefusedInput: `unknown_vital`, `bad_vital` or `impossible_vital`."""
        for name in sample:
            if name not in FIELDS:
                raise RefusedInput("unknown_vital", field=name, known=", ".join(FIELDS))
        values = {name: value for name, value in sample.items() if value is not None}
        if "nibp_at" in values:
            values["nibp_at"] = _read_instant(values["nibp_at"])
        vitals = cls(**values)
        refuse_impossible(vitals)
        return vitals


FIELDS: tuple[str, ...] = tuple(field.name for field in fields(Vitals))
NUMERIC_FIELDS: tuple[str, ...] = tuple(name for name in FIELDS if name not in ("avpu", "nibp_at"))
GCS_FIELDS = ("gcs_eye", "gcs_verbal", "gcs_motor")
_WHOLE_FIELDS = (*GCS_FIELDS, "pain")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one field can be. Outside `hard`: not a measurement. Outside `soft`: check the sensor (adult values)."""

    unit: str  # UCUM
    hard: tuple[float, float]
    soft: tuple[float, float]
    sentinels: frozenset[float]  # what devices send for "no value"


@dataclass(frozen=True, slots=True)
class AlarmRule:
    """One row of the alarm table. Exactly one of the three limits is set; `gcs` is the sum of its parts."""

    field: str
    priority: Priority
    key: str
    below: float | None = None
    above: float | None = None
    at_or_below: float | None = None

    @property
    def limit(self) -> float:
        return next(limit for limit in (self.below, self.above, self.at_or_below) if limit is not None)

    def broken_by(self, value: float) -> bool:
        if self.below is not None:
            return value < self.below
        if self.above is not None:
            return value > self.above
        return value <= self.limit


@dataclass(frozen=True, slots=True)
class LimitTable:
    """The dated table of bounds and default alarms."""

    version: str  # "vital_limits@2020-01-01"
    source: str
    evidence: str
    fields: dict[str, Limits]
    pulse_against_hr_bpm: float
    map_against_pressures_share: float
    alarms: tuple[AlarmRule, ...]


@cache
def limits() -> LimitTable:
    """The table in force."""
    raw = json.loads((Path(__file__).parent / "vital_limits.json").read_text(encoding="utf-8"))
    return LimitTable(
        version=f"{raw['table']}@{raw['valid_from']}",
        source=raw["source"],
        evidence=raw["evidence"],
        fields={
            name: Limits(row["unit"], tuple(row["hard"]), tuple(row["soft"]), frozenset(row["sentinels"]))
            for name, row in raw["fields"].items()
        },
        alarms=tuple(AlarmRule(**row) for row in raw["alarms"]),
        **raw["cross_checks"],
    )


@dataclass(frozen=True, slots=True)
class Doubt:
    """A value that is kept but needs a look at the sensor. `key` is said as ``doubt.<key>`` with these facts."""

    field: str
    key: str
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Alarm:
    """A default limit is broken. `key` is said as ``alarm.<key>``; priorities after IEC 60601-1-8."""

    field: str
    priority: Priority
    key: str
    value: float
    limit: float


def check(vitals: Vitals) -> list[Doubt]:
    """Refuse what is impossible (`refuse_impossible`); return what is doubtful: out of soft bounds, contradictory."""
    refuse_impossible(vitals)
    doubts = [doubt for name in NUMERIC_FIELDS if (doubt := _doubt_of(name, getattr(vitals, name)))]
    return doubts + _pressure_doubts(vitals) + _pulse_doubts(vitals)


def refuse_impossible(vitals: Vitals) -> None:
    """Raise RefusedInput `impossible_vital` (field, value, unit, low, high) or `bad_vital` (wrong kind of value)."""
    for name in NUMERIC_FIELDS:
        value = getattr(vitals, name)
        if value is not None and not (value == "NT" and name in GCS_FIELDS):
            refuse_impossible_value(name, value)
    if vitals.avpu is not None and vitals.avpu not in ("A", "V", "P", "U"):
        raise RefusedInput("bad_vital", field="avpu", value=vitals.avpu, needs="A, V, P, U")
    if vitals.nibp_at is not None and vitals.nibp_at.tzinfo is None:
        raise RefusedInput("bad_vital", field="nibp_at", value=vitals.nibp_at, needs="ISO 8601 +00:00")


def refuse_impossible_sample(sample: Mapping[str, Any]) -> None:
    """Raise what `Vitals.from_dict` raises for this sample, and make no Vitals where all of it is plainly possible."""
    plain = _plain_bounds()
    for name, value in sample.items():
        kinds, low, high = plain.get(name, _NOTHING_PLAIN)
        if type(value) not in kinds or not low <= value <= high:  # by type: True is no number
            Vitals.from_dict(sample)  # None, "NT", an instant, a word: whatever needs a closer look
            return


_Plain = tuple[tuple[type, ...], float, float]
_NOTHING_PLAIN: _Plain = ((), 0, 0)


@cache
def _plain_bounds() -> dict[str, _Plain]:
    """Numeric field -> (types that need no closer look, hard bounds)."""
    bounds = limits().fields
    return {name: ((int,) if name in _WHOLE_FIELDS else (int, float), *bounds[name].hard) for name in NUMERIC_FIELDS}


def refuse_impossible_value(name: str, value: Any) -> None:
    """The hard bounds for one numeric field. NaN, infinity, text and truth values are not numbers."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise RefusedInput("bad_vital", field=name, value=value, needs="0-9")
    bounds = limits().fields[name]
    low, high = bounds.hard
    if not low <= value <= high:  # NaN is within no bounds
        raise RefusedInput("impossible_vital", field=name, value=str(value), unit=bounds.unit, low=low, high=high)
    if name in _WHOLE_FIELDS and value != int(value):
        raise RefusedInput("bad_vital", field=name, value=value, needs="0, 1, 2 ...")


def from_device(sample: Mapping[str, Any], *, sentinels: Mapping[str, frozenset[float]] | None = None) -> Vitals:
    """A sample as a device sends it: its words for "no value" (sentinels, NaN) become None before anything is checked.

    Default sentinels are the table's. 127 is one only where it cannot be a reading (SpO2, respiration), since 127 beats
    a minute or 127 mmHg are ordinary; a device that does send it for those names it in `sentinels` (field -> values).
    """
    named = sentinels or {}
    measured = {}
    for name, value in sample.items():
        known = limits().fields.get(name)
        silent = named.get(name, known.sentinels if known else frozenset())
        if isinstance(value, float) and math.isnan(value):
            continue
        if not (isinstance(value, (int, float)) and value in silent):
            measured[name] = value
    return Vitals.from_dict(measured)


def without_doubtful(vitals: Vitals) -> Vitals:
    """The sample without the fields outside their soft bounds: what may be scored before somebody confirms the rest."""
    doubtful = {name: None for name in NUMERIC_FIELDS if _doubt_of(name, getattr(vitals, name))}
    return replace(vitals, **doubtful)


def alarms(vitals: Vitals) -> list[Alarm]:
    """Broken default limits, worst priority first; for each field the first rule of the table that it breaks."""
    raised: dict[str, Alarm] = {}
    for rule in limits().alarms:
        value = getattr(vitals, rule.field)
        if value is not None and rule.field not in raised and rule.broken_by(value):
            raised[rule.field] = Alarm(rule.field, rule.priority, rule.key, value, rule.limit)
    order = ("high", "medium", "low")
    return sorted(raised.values(), key=lambda alarm: order.index(alarm.priority))


Quantity = Literal["pressure", "glucose", "temperature"]
# unit -> (factor, offset) to the canonical unit: canonical = (value + offset) * factor
_UNITS: dict[Quantity, dict[str, tuple[float, float]]] = {
    "pressure": {"mm[Hg]": (1, 0), "mmHg": (1, 0), "kPa": (MMHG_PER_KPA, 0)},
    "glucose": {"mmol/L": (1, 0), "mg/dL": (1 / MG_DL_PER_MMOL_L, 0)},
    "temperature": {"Cel": (1, 0), "degF": (5 / 9, -32), "[degF]": (5 / 9, -32)},
}
_QUANTITY_OF_UNIT: dict[str, Quantity] = {MMHG: "pressure", MMOL_PER_L: "glucose", CELSIUS: "temperature"}


def convert(quantity: Quantity, value: float, unit: str, to_unit: str) -> float:
    """Between the units a device or a screen may use (UCUM codes and the everyday mmHg, degF). Not rounded.

    Raises RefusedInput `unknown_unit`.
    """
    known = _UNITS[quantity]
    for asked in (unit, to_unit):
        if asked not in known:
            raise RefusedInput("unknown_unit", unit=asked, known=", ".join(known))
    factor, offset = known[unit]
    to_factor, to_offset = known[to_unit]
    return (value + offset) * factor / to_factor - to_offset


def to_canonical(name: str, value: float, unit: str) -> float:
    """A device's reading of one field in the unit that `Vitals` keeps. Raises RefusedInput `unknown_unit`."""
    canonical = limits().fields[name].unit
    if unit == canonical:
        return value
    quantity = _QUANTITY_OF_UNIT.get(canonical)
    if quantity is None:
        raise RefusedInput("unknown_unit", unit=unit, known=canonical)
    return convert(quantity, value, unit, canonical)


def _doubt_of(name: str, value: Any) -> Doubt | None:
    if value is None or value == "NT":
        return None
    if name in ("hr_bpm", "pulse_bpm") and value == 0:
        return Doubt(name, "asystole_or_lead_off", value)
    low, high = limits().fields[name].soft
    return None if low <= value <= high else Doubt(name, "check_sensor", value, low, high)


def _pressure_doubts(vitals: Vitals) -> list[Doubt]:
    sbp, dbp, mean = vitals.sbp_mmhg, vitals.dbp_mmhg, vitals.map_mmhg
    doubts = []
    if sbp is not None and dbp is not None and dbp >= sbp:
        doubts.append(Doubt("dbp_mmhg", "pressures_out_of_order", dbp, high=sbp))
    if mean is not None and ((sbp is not None and mean >= sbp) or (dbp is not None and mean <= dbp)):
        doubts.append(Doubt("map_mmhg", "pressures_out_of_order", mean, dbp, sbp))
    elif sbp is not None and dbp is not None and mean is not None:
        expected = (sbp + 2 * dbp) / 3
        spread = limits().map_against_pressures_share * expected
        if abs(mean - expected) > spread:
            doubts.append(Doubt("map_mmhg", "mean_does_not_fit", mean, expected - spread, expected + spread))
    return doubts


def _pulse_doubts(vitals: Vitals) -> list[Doubt]:
    hr, pulse, apart = vitals.hr_bpm, vitals.pulse_bpm, limits().pulse_against_hr_bpm
    if hr is None or pulse is None or abs(hr - pulse) <= apart:
        return []
    return [Doubt("pulse_bpm", "pulse_differs", pulse, hr - apart, hr + apart)]


def _read_instant(value: Any) -> datetime:
    try:
        at = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (TypeError, ValueError):
        at = None
    if at is None or at.tzinfo is None:
        raise RefusedInput("bad_vital", field="nibp_at", value=value, needs="ISO 8601 +00:00")
    return at.astimezone(UTC)
