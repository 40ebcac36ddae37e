"""Rule lists: any criterion met decides the category; what was not assessed can meet none, and is named.

Rows: `criteria`, worst category first; each has an `input` and `is`, `below`, `above`, `below_by_age` or `above_input`,
and may hold for `ages` only.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from casebook.scores.answer import Answer
from casebook.scores.inputs import Reading
from casebook.scores.table import Table


def judge(table: Table, reading: Reading) -> Answer:
    """The worst category met, NONE if nothing is met; `not_assessed` lists what could still change that."""
    met: list[Mapping[str, Any]] = []
    unassessed: dict[str, None] = {}
    for criterion in table.rows["criteria"]:
        lacking = _lacking(criterion, reading)
        if lacking is None or _is_met(criterion, reading):
            met += [] if lacking is None else [criterion]
        else:
            unassessed |= dict.fromkeys(lacking)
    category = met[0]["category"] if met else "NONE"
    triggers = [criterion["name"] for criterion in met if criterion["category"] == "RED"]
    return Answer(
        outputs={"category": category, "physiology_triggers": ";".join(triggers), "not_assessed": ";".join(unassessed)},
    )


def _lacking(criterion: Mapping[str, Any], reading: Reading) -> list[str] | None:
    """The unmeasured inputs that the criterion needs; None when the age says it does not apply."""
    needed = [criterion[key] for key in ("input", "above_input") if key in criterion]
    if "ages" in criterion:
        needed.append("age_years")
        age, (low, high) = reading.number("age_years"), criterion["ages"]
        if age is not None and not (low <= age and (high is None or age <= high)):
            return None
    return [name for name in needed if reading.values[name] is None]


def _is_met(criterion: Mapping[str, Any], reading: Reading) -> bool:
    if _lacking(criterion, reading):
        return False
    if "is" in criterion:
        return reading.choice(criterion["input"]) == criterion["is"]
    value = reading.number(criterion["input"])
    assert value is not None
    below, above = _limits(criterion, reading)
    return (below is not None and value < below) or (above is not None and value > above)


def _limits(criterion: Mapping[str, Any], reading: Reading) -> tuple[Decimal | None, Decimal | None]:
    if "below_by_age" in criterion:
        age, line = reading.number("age_years"), criterion["below_by_age"]
        assert age is not None
        return line["base"] + line["per_year"] * age, None
    if "above_input" in criterion:
        return None, reading.number(criterion["above_input"])
    return criterion.get("below"), criterion.get("above")
