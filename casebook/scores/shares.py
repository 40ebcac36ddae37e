"""Shares of counted cases, each with its denominator in its name: how good triage was, for audit.

Rows: `shares` (`of` among `of` and `and`, `at_most`, and the `target` column that says whether it is
met), `decimals`.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from casebook.scores.answer import Answer, Output
from casebook.scores.inputs import Reading
from casebook.scores.table import Table


def count_shares(table: Table, reading: Reading) -> Answer:
    """Every share that its counts give; "" where nobody is in the denominator, and for its target then too."""
    missing = tuple(name for name in table.inputs if reading.values[name] is None)
    outputs: dict[str, Output] = {}
    step = Decimal(1).scaleb(-table.rows["decimals"])
    for spec in table.rows["shares"]:
        some, others = reading.number(spec["of"]), reading.number(spec["and"])
        if some is not None and others is not None:
            outputs |= _share(spec, some, some + others, step)
    return Answer(outputs=outputs, missing=missing)


def _share(spec: dict[str, Any], some: Decimal, among: Decimal, step: Decimal) -> dict[str, Output]:
    share: dict[str, Output] = {spec["column"]: (some / among).quantize(step, ROUND_HALF_UP) if among else ""}
    if "target" in spec:  # asked of the counts: exact where the share would be rounded
        share[spec["target"]] = int(some <= spec["at_most"] * among) if among else ""
    return share
