"""ST-elevation criterion: new J-point elevation reaching its threshold in two contiguous leads.

Rows: `threshold_mm`, `v2_v3` (thresholds by sex and age), `contiguous` pairs. It suggests; a doctor confirms; with
bundle branch block or hypertrophy it says that it cannot judge. A lead that is not given counts as not elevated.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from casebook.errors import RefusedInput
from casebook.scores.answer import Answer
from casebook.scores.inputs import Reading
from casebook.scores.table import Table

_INPUT, _UNRELIABLE = "st_elevation_mm_at_j_point", "bundle_branch_block_or_hypertrophy"


def find_elevation(table: Table, reading: Reading) -> Answer:
    """`meets_criteria` 1 or 0, "cannot_judge", or what is missing (a man's age, the sex, the leads)."""
    sex = reading.choice("sex")
    needed = ("sex", _INPUT) if sex == "F" else ("sex", "age_years", _INPUT)
    missing = tuple(name for name in needed if reading.values[name] is None)
    elevations = reading.mapping(_INPUT)
    if elevations is not None:
        _refuse_impossible(table.rows, elevations)
    if reading.choice(_UNRELIABLE) == "1":
        return Answer(outputs={"meets_criteria": "cannot_judge"})
    if missing or elevations is None:
        return Answer(outputs={}, missing=missing)
    exact = {lead: Decimal(str(mm)) for lead, mm in elevations.items()}
    reached = {lead for lead, mm in exact.items() if mm >= _threshold_mm(table.rows, lead, reading)}
    return Answer(outputs={"meets_criteria": int(any(set(pair) <= reached for pair in table.rows["contiguous"]))})


def _threshold_mm(rows: Any, lead: str, reading: Reading) -> Any:
    if lead not in rows["v2_v3"]["leads"]:
        return rows["threshold_mm"]
    sex, age = reading.choice("sex"), reading.number("age_years")
    for rule in rows["v2_v3"]["rules"]:
        if rule["sex"] == sex and ("to_years" not in rule or (age is not None and age <= rule["to_years"])):
            return rule["threshold_mm"]
    raise AssertionError(sex)


def _refuse_impossible(rows: Any, elevations: dict[str, Any]) -> None:
    low, high = rows["elevation_mm"]
    for lead, mm in elevations.items():
        if lead not in rows["leads"]:
            raise RefusedInput("bad_score_input", field=_INPUT, value=lead, needs=", ".join(rows["leads"]))
        a_number = isinstance(mm, (int, float, Decimal)) and not isinstance(mm, bool)
        if not a_number or not low <= mm <= high:  # NaN is within no bounds
            raise RefusedInput("bad_score_input", field=_INPUT, value=f"{lead}: {mm}", needs=f"{low}..{high} mm")
