"""Read the inputs of a score: text or numbers from a form, a file or a monitor become exact values, or are refused.

Nothing is clamped and nothing is guessed: an empty input is None, "NT" (could not be tested) is None and is named.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import Any

from casebook.errors import RefusedInput
from casebook.scores.table import Input, Table
from casebook.vitals import Vitals, limits, refuse_impossible

Value = Decimal | str | dict[str, Any] | None


def _refuse_constant(constant: str) -> None:
    raise ValueError(constant)


_EXACT: dict[str, Any] = {"parse_float": Decimal, "parse_constant": _refuse_constant}  # NaN and Infinity are no JSON
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)")


@dataclass(frozen=True, slots=True)
class Reading:
    """The inputs of one case, by name; every input of the table is there, unmeasured ones as None."""

    values: dict[str, Value]
    not_testable: tuple[str, ...] = ()
    check_sensor: tuple[str, ...] = ()  # numbers outside the soft bounds of their vital sign

    def number(self, name: str) -> Decimal | None:
        value = self.values[name]
        assert value is None or isinstance(value, Decimal), name
        return value

    def choice(self, name: str) -> str | None:
        value = self.values[name]
        assert value is None or isinstance(value, str), name
        return value

    def mapping(self, name: str) -> dict[str, Any] | None:
        value = self.values[name]
        assert value is None or isinstance(value, dict), name
        return value


def read_inputs(table: Table, given: Mapping[str, Any]) -> Reading:
    """Every input of `table` from `given`; None and "" are unmeasured.

    Raises RefusedInput: `unknown_score_input`, `bad_score_input`, `impossible_vital`, `contradiction`.
    """
    for name in given:
        if name not in table.inputs:
            known = ", ".join(table.inputs)
            raise RefusedInput("unknown_score_input", score=table.score, field=name, known=known)
    values = {name: read_value(spec, given.get(name)) for name, spec in table.inputs.items()}
    _refuse_contradictions(table, values)
    return Reading(
        values={name: None if value == "NT" else value for name, value in values.items()},
        not_testable=tuple(name for name, value in values.items() if value == "NT"),
        check_sensor=tuple(name for name, spec in table.inputs.items() if _is_doubtful(spec, values[name])),
    )


def inputs_of(table: Table, vitals: Vitals, *, confirmed: bool = False) -> dict[str, Any]:
    """What a sample of vital signs gives to a score. Unless `confirmed`, values outside the soft bounds are left out.

    Raises RefusedInput `impossible_vital`.
    """
    refuse_impossible(vitals)
    given: dict[str, Any] = {}
    for name, spec in table.inputs.items():
        value = getattr(vitals, spec.vital) if spec.vital else None
        if value is not None and (confirmed or not _is_doubtful(spec, read_value(spec, value))):
            given[name] = value
    return given


def read_value(spec: Input, value: Any) -> Value:
    """One input as its exact value, or None, or "NT". Raises RefusedInput `bad_score_input` or `impossible_vital`."""
    value = _as_text(value) if not isinstance(value, dict) else value
    if value == "":
        return None
    if value == "NT" and spec.not_testable:
        return "NT"
    if spec.kind == "json":
        return _read_json(spec, value)
    if spec.kind == "choice":
        if value not in spec.choices:
            raise _refusal(spec, value)
        return value
    return _read_number(spec, value)


def shown(value: Value | int) -> str:
    """The text of a value as files and screens carry it; None is the empty text."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return format(value, "f")
    return json.dumps(value, ensure_ascii=False, default=float) if isinstance(value, dict) else str(value)


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float) and math.isfinite(value):
        value = Decimal(repr(float(value)))
    return format(value, "f") if isinstance(value, Decimal) else str(value).strip()


def _read_number(spec: Input, value: Any) -> Decimal:
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        raise _refusal(spec, value)
    number = Decimal(value)
    assert spec.low is not None and spec.high is not None
    if not spec.low <= number <= spec.high:
        bounds = {"unit": spec.unit, "low": shown(spec.low), "high": shown(spec.high)}
        raise RefusedInput("impossible_vital", field=spec.name, value=value, **bounds)
    if spec.completed:
        return number.to_integral_value(ROUND_FLOOR)
    if spec.whole and number != number.to_integral_value():
        raise _refusal(spec, value)
    if spec.decimals is None:
        return number
    # halves go away from zero, before banding: 38.45 is 38.5, never lost between two bands
    return number.quantize(Decimal(1).scaleb(-spec.decimals), ROUND_HALF_UP)


def _read_json(spec: Input, value: Any) -> dict[str, Any]:
    try:
        read = value if isinstance(value, dict) else json.loads(value, **_EXACT)
    except (ValueError, RecursionError):
        read = None
    if not isinstance(read, dict):
        raise _refusal(spec, value)
    return read


def _refusal(spec: Input, value: Any) -> RefusedInput:
    return RefusedInput("bad_score_input", field=spec.name, value=str(value), needs=describe(spec))


def describe(spec: Input) -> str:
    """What an input may be, in signs that need no translation: ``A, V, P, U`` or ``0..500 mm[Hg]``."""
    untestable = ", NT" if spec.not_testable else ""
    if spec.kind == "choice":
        return ", ".join(spec.choices) + untestable
    return "{...} (JSON)" if spec.kind == "json" else f"{shown(spec.low)}..{shown(spec.high)} {spec.unit}{untestable}"


def _is_doubtful(spec: Input, value: Value) -> bool:
    bounds = limits().fields.get(spec.vital or "")
    if bounds is None or not isinstance(value, Decimal):
        return False
    return not bounds.soft[0] <= float(value) <= bounds.soft[1]


def _refuse_contradictions(table: Table, values: Mapping[str, Value]) -> None:
    for together in table.rows.get("contradictions", ()):
        if all(shown(values[name]) == stated for name, stated in together.items()):
            stated = ", ".join(f"{name}={value}" for name, value in together.items())
            raise RefusedInput("contradiction", field=next(reversed(together)), score=table.score, stated=stated)
