"""One triage question after the other, as the method's table asks them: what to ask next, or what came out. Pure.

The tree and its thresholds are the dated tables of casebook/scores; this only says which of its inputs comes next.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from casebook.errors import NotFound
from casebook.scores import get_table, score
from casebook.scores.table import Input

METHODS = ("start", "jumpstart")


def next_question(method: str, answers: Mapping[str, Any], at: datetime | None = None) -> dict[str, Any]:
    """{"ask": {input, kind, choices}} or {"category": ..., "trail": [[question, answer]...]}, with the table's version.

    `kind`: yes_no, rate (a count per minute) or choice; a word for it is ``unit.triage.<input>``. A patient the method
    is not for gives {"instead": method}. Raises RefusedInput for an answer that cannot be.
    """
    if method not in METHODS:
        raise NotFound(what="triage", id=method)
    table, result = get_table(method, at), score(method, answers, at=at)
    if result.status == "not_applicable":
        return {"table": table.version, "instead": table.rows.get("instead")}
    if result.status == "incomplete":
        return {"table": table.version, "ask": _question(table.inputs[result.missing[0]])}
    return {"table": table.version, "category": result.category.lower(), "trail": [list(step) for step in result.trail]}


def _question(wanted: Input) -> dict[str, Any]:
    kind = "yes_no" if wanted.choices == ("0", "1") else "choice" if wanted.kind == "choice" else "rate"
    return {"input": wanted.name, "kind": kind, "choices": list(wanted.choices)}
