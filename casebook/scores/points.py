"""Scores that add up points: each item looks its input up in bands or choices, the sum is looked up in bands.

Rows: `items` (an item has an `input` with `bands`, `points` or `itself`; or `variants`, the first whose `when` holds;
or `lowest_of` several), and for each output `rules` (first that holds), `any_item_at_least`, or `weights`.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from casebook.scores.answer import Answer, Output
from casebook.scores.inputs import Reading
from casebook.scores.table import Table

Points = dict[str, int | None]


def add_up(table: Table, reading: Reading) -> Answer:
    """The sum of the items' points, or no total and the list of the inputs that are missing."""
    points: Points = {}
    missing = [name for name in table.rows.get("required", ()) if reading.values[name] is None]
    for item in table.rows["items"]:
        got = _points_of(item, reading)
        points[item["item"]] = got if isinstance(got, int) else None
        missing += [] if isinstance(got, int) else [name for name in got if name not in missing]
    total = None if missing else sum(known for known in points.values() if known is not None)
    return Answer(
        outputs={output["column"]: _output(output, total, points) for output in table.outputs},
        missing=tuple(missing),
        points=points,
        total=total,
    )


def _points_of(item: Mapping[str, Any], reading: Reading) -> int | list[str]:
    """An item's points, or the names of the inputs that it lacks."""
    if "lowest_of" in item:
        return _lowest(item["lowest_of"], reading)
    if "variants" in item:
        return _variant(item, reading)
    name = item["input"]
    if reading.values[name] is None:
        return [name]
    if "bands" in item:
        return _in_bands(item["bands"], reading.number(name) or Decimal(0))
    if "points" in item:
        return item["points"][reading.choice(name)]
    value = reading.values[name]
    assert isinstance(value, (Decimal, str))
    return int(value)


def _lowest(parts: list[Mapping[str, Any]], reading: Reading) -> int | list[str]:
    got = [_points_of(part, reading) for part in parts]
    lacking = [name for part in got if isinstance(part, list) for name in part]
    return lacking or min(part for part in got if isinstance(part, int))


def _variant(item: Mapping[str, Any], reading: Reading) -> int | list[str]:
    """The first variant whose `when` holds; when none does, what would decide is missing."""
    for variant in item["variants"]:
        if all(reading.choice(name) == wanted for name, wanted in variant["when"].items()):
            return _points_of({"input": item["input"], "bands": variant["bands"]}, reading)
    deciding = dict.fromkeys(name for variant in item["variants"] for name in variant["when"])
    return [name for name in (item["input"], *deciding) if reading.values[name] is None]


def _in_bands(bands: list[Mapping[str, Any]], value: Decimal) -> int:
    return next(band["points"] for band in bands if "to" not in band or value <= band["to"])


def _output(output: Mapping[str, Any], total: int | None, points: Points) -> Output:
    if "any_item_at_least" in output:
        return _any_item(output["any_item_at_least"], points)
    if total is None:
        return None
    if "weights" in output:
        weighted = sum((Decimal(points[item] or 0) * weight for item, weight in output["weights"].items()), Decimal(0))
        return weighted.quantize(Decimal(1).scaleb(-output["decimals"]), ROUND_HALF_UP)
    return next(rule["is"] for rule in output["rules"] if _holds(rule, total, points))


def _any_item(limit: int, points: Points) -> int | None:
    """1 as soon as one known item reaches the limit; 0 only when all are known."""
    if any(known is not None and known >= limit for known in points.values()):
        return 1
    return None if None in points.values() else 0


def _holds(rule: Mapping[str, Any], total: int, points: Points) -> bool:
    if "at_least" in rule and total < rule["at_least"]:
        return False
    return "any_item_at_least" not in rule or _any_item(rule["any_item_at_least"], points) == 1
