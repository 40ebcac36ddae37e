"""Scores that divide one measurement by another and judge the quotient by an age-dependent cut-off.

Rows: `ratio` (`of`, `to`, `decimals`, `column`), `rules` by completed years of age, first that fits.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from casebook.scores.answer import Answer
from casebook.scores.inputs import Reading
from casebook.scores.table import Table


def divide(table: Table, reading: Reading) -> Answer:
    """The quotient stands without an age; the judgement does not. A divisor of 0 leaves the quotient undefined."""
    spec = table.rows["ratio"]
    over, under, age = reading.number(spec["of"]), reading.number(spec["to"]), reading.number("age_years")
    missing = tuple(name for name in (spec["of"], spec["to"], "age_years") if reading.values[name] is None)
    quotient = over / under if over is not None and under else None
    step = Decimal(1).scaleb(-spec["decimals"])
    outputs: dict[str, Any] = {spec["column"]: None if quotient is None else quotient.quantize(step, ROUND_HALF_UP)}
    if not missing and over is not None and under is not None and age is not None:
        outputs |= _judged(table, over, under, age)
    return Answer(outputs=outputs, missing=missing)


def _judged(table: Table, over: Decimal, under: Decimal, age: Decimal) -> dict[str, Any]:
    """`elevated` is "" where no cut-off is defined for the age, or where the quotient is undefined."""
    rule = next(rule for rule in table.rows["rules"] if "to_years" not in rule or age <= rule["to_years"])
    cutoff = rule.get("cutoff")
    if cutoff is None or under == 0:
        return {"elevated": "", "got_rule": rule["rule"] if cutoff is None else "undefined", "got_cutoff": ""}
    limit = cutoff * under  # compared as products: exact where the quotient would be rounded
    elevated = over >= limit if rule["elevated"] == "at_or_above" else over > limit
    return {"elevated": int(elevated), "got_rule": rule["rule"], "got_cutoff": cutoff}
