"""Injury Severity Score and New Injury Severity Score from AIS severities by body region.

Rows: `regions`, `severities`, `unknown_severity` (left out, result provisional), `unsurvivable_severity` and `maximum`.
Severities are coded elsewhere; this never feeds a prehospital decision.
"""

from __future__ import annotations

from typing import Any

from casebook.errors import RefusedInput
from casebook.scores.answer import Answer, Output
from casebook.scores.inputs import Reading
from casebook.scores.table import Table

_INPUT = "ais_by_region"


def sum_squares(table: Table, reading: Reading) -> Answer:
    """ISS: the worst injury of the three worst regions, squared and added; NISS: the three worst injuries anywhere."""
    by_region = reading.mapping(_INPUT)
    if by_region is None:
        return Answer(outputs={}, missing=(_INPUT,))
    rows, known = table.rows, {}
    for region, severities in by_region.items():
        _refuse_unknown(rows, region, severities)
        known[region] = [severity for severity in severities if severity != rows["unknown_severity"]]
    everywhere = [severity for severities in known.values() for severity in severities]
    iss = _of_three_worst(rows, [max(severities) for severities in known.values() if severities])
    outputs: dict[str, Output] = {
        "iss": iss,
        "niss": _of_three_worst(rows, everywhere),
        "iss_16_or_more": int(iss >= rows["major_trauma_at_least"]),
        "provisional": int(len(everywhere) < sum(len(severities) for severities in by_region.values())),
    }
    return Answer(outputs=outputs)


def _of_three_worst(rows: Any, severities: list[int]) -> int:
    if rows["unsurvivable_severity"] in severities:
        return rows["maximum"]
    return sum(severity**2 for severity in sorted(severities)[-3:])


def _refuse_unknown(rows: Any, region: str, severities: Any) -> None:
    if region not in rows["regions"]:
        raise RefusedInput("bad_score_input", field=_INPUT, value=region, needs=", ".join(rows["regions"]))
    allowed = [*rows["severities"], rows["unknown_severity"]]
    if not isinstance(severities, list) or any(type(one) is not int or one not in allowed for one in severities):
        value, needs = f"{region}: {severities}", f"[{', '.join(map(str, allowed))}]"
        raise RefusedInput("bad_score_input", field=_INPUT, value=value, needs=needs)
