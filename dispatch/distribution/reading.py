"""Read a case of many casualties from a file, and refuse what cannot be meant by its line and field.

What a case means is dispatch/distribution/compiling.py's; filling in travel times by road is travel.py's.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from datetime import UTC
from pathlib import Path
from typing import Any

import msgspec

from casebook.capacity import AGE_LIMIT_S, CAPABILITIES, WHOLE_HOSPITAL
from casebook.errors import RefusedInput
from dispatch.distribution.ask import Ask
from dispatch.distribution.rules import DistributionRules


def read_case(file: Path, rules: DistributionRules) -> Ask:
    """Raises RefusedInput: `file_unreadable`, `case_json` (file, line, column), `case_field` (file, line, field)."""
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except OSError as failure:
        raise RefusedInput("file_unreadable", file=str(file), why=failure.strerror or failure) from failure
    except UnicodeDecodeError as failure:
        line = failure.object.count(b"\n", 0, failure.start) + 1
        raise RefusedInput("csv_not_utf8", file=file.name, line=line) from failure
    return case_of_text(text, file.name, rules)


def case_of_text(text: str, name: str, rules: DistributionRules) -> Ask:
    """As `read_case`, from a text; `name` is what it is called in refusals."""
    try:
        values = json.loads(text)
    except json.JSONDecodeError as wrong:
        raise RefusedInput("case_json", file=name, line=wrong.lineno, column=wrong.colno, why=wrong.msg) from wrong
    except RecursionError as wrong:
        raise RefusedInput("case_json", file=name, line=1, column=1, why="nested too deeply") from wrong
    try:
        ask = msgspec.convert(values, Ask)
    except msgspec.ValidationError as wrong:
        why, _, path = str(wrong).partition(" - at `")
        raise _refused(text, name, path.rstrip("`").removeprefix("$").removeprefix(".") or "$", why) from wrong
    for path, key, facts in faults_of(ask, rules):
        refused = _refused(text, name, path, "")
        raise RefusedInput(f"case_{key}", **{**refused.facts, **facts})
    return ask


def check_case(ask: Ask, rules: DistributionRules) -> Ask:
    """The same checks for a case that never was a file."""
    for path, key, facts in faults_of(ask, rules):
        raise RefusedInput(f"case_{key}", **{"file": "-", "line": 0, "field": path, **facts})
    return ask


def faults_of(ask: Ask, rules: DistributionRules) -> Iterable[tuple[str, str, dict[str, Any]]]:
    """(field, key of an error, facts) for each thing that fits its shape and still cannot be meant."""
    if ask.at.tzinfo is None or (ask.happened_at is not None and ask.happened_at.tzinfo is None):
        yield "at", "zone", {}
    elif ask.happened_at is not None and ask.happened_at.astimezone(UTC) > ask.at.astimezone(UTC):
        yield "happened_at", "future", {}
    yield from _twice(ask)
    yield from _words(ask, rules)
    yield from _names(ask)
    for i, hospital in enumerate(ask.hospitals):
        for resource, places in hospital.places.items():
            if places.free is not None and places.total is not None and places.free > places.total:
                facts = {"free": places.free, "total": places.total}
                yield f"hospitals[{i}].places.{resource}.free", "free_above_total", facts


def _twice(ask: Ask) -> Iterable[tuple[str, str, dict[str, Any]]]:
    for field in ("casualties", "hospitals", "vehicles"):
        ids = [one.id for one in getattr(ask, field)]
        for id, times in Counter(ids).items():
            if times > 1:
                last = len(ids) - 1 - ids[::-1].index(id)
                yield f"{field}[{last}].id", "twice", {"id": id}
    for who, times in Counter(one.casualty for one in ask.under_way).items():
        if times > 1:
            yield "under_way", "twice", {"id": who}


def _words(ask: Ask, rules: DistributionRules) -> Iterable[tuple[str, str, dict[str, Any]]]:
    named = [(f"casualties[{i}].{name}", word) for i, one in enumerate(ask.casualties)
             for name in ("needs", "wants") for word in getattr(one, name)]  # fmt: skip
    named += [
        (f"hospitals[{i}].capabilities", word) for i, one in enumerate(ask.hospitals) for word in one.capabilities
    ]
    for path, word in named:
        if word not in CAPABILITIES:
            yield path, "word", {"word": word, "known": ", ".join(CAPABILITIES)}
    counted = [(f"hospitals[{i}].places.{word}", word) for i, one in enumerate(ask.hospitals) for word in one.places]
    for path, word in counted:
        if word not in AGE_LIMIT_S:
            yield path, "word", {"word": word, "known": ", ".join(AGE_LIMIT_S)}
    for i, hospital in enumerate(ask.hospitals):
        for closed in hospital.closed:
            if closed.resource not in (WHOLE_HOSPITAL, *CAPABILITIES, *AGE_LIMIT_S):
                yield f"hospitals[{i}].closed", "word", {"word": closed.resource, "known": ", ".join(AGE_LIMIT_S)}
    for i, vehicle in enumerate(ask.vehicles):
        if vehicle.kind not in rules.vehicles:
            yield f"vehicles[{i}].kind", "word", {"word": vehicle.kind, "known": ", ".join(rules.vehicles)}


def _names(ask: Ask) -> Iterable[tuple[str, str, dict[str, Any]]]:
    casualties, hospitals = {one.id for one in ask.casualties}, {one.id for one in ask.hospitals}
    vehicles = {one.id for one in ask.vehicles}
    scenes = {one.scene for one in ask.casualties} | set(ask.scenes)
    yield from _unknown([(f"before.{id}", id) for id in ask.before], casualties)
    yield from _unknown([(f"before.{id}", hospital) for id, hospital in ask.before.items()], hospitals)
    for i, one in enumerate(ask.under_way):
        yield from _unknown([(f"under_way[{i}].casualty", one.casualty)], casualties)
        yield from _unknown([(f"under_way[{i}].vehicle", one.vehicle)], vehicles)
        yield from _unknown([(f"under_way[{i}].hospital", one.hospital)], hospitals)
    for i, one in enumerate(ask.casualties):
        yield from _unknown([(f"casualties[{i}].refused_by", id) for id in one.refused_by], hospitals)
    if clash := sorted(vehicles & scenes):
        yield "scenes", "twice", {"id": clash[0]}
    scenes |= set(ask.travel.to_hospital_min) - vehicles  # a scene from which everybody is gone
    for field, rows, columns in (
        ("to_scene_min", vehicles, scenes), ("to_hospital_min", scenes | vehicles, hospitals),
        ("back_min", hospitals, scenes), ("flight_min", scenes | vehicles, hospitals),
    ):  # fmt: skip
        table = getattr(ask.travel, field)
        yield from _unknown([(f"travel.{field}.{id}", id) for id in table], rows)
        for id, row in table.items():
            yield from _unknown([(f"travel.{field}.{id}.{other}", other) for other in row], columns)


def _unknown(named: Iterable[tuple[str, str]], known: set[str]) -> Iterable[tuple[str, str, dict[str, Any]]]:
    for path, id in named:
        if id not in known:
            yield path, "unknown", {"id": id}


def _refused(text: str, name: str, field: str, why: str) -> RefusedInput:
    return RefusedInput("case_field", file=name, line=line_of(text, field), field=field, why=why)


def line_of(text: str, field: str) -> int:
    """The line on which the value of ``hospitals[2].places.ct.free`` begins; of the nearest piece around it if
    absent."""
    at = _skip(text, 0)
    for step in _steps(field):
        found = _member(text, at, step)
        if found is None:
            break
        at = found
    return text.count("\n", 0, at) + 1


def _steps(field: str) -> list[str | int]:
    steps: list[str | int] = []
    for part in field.replace("[...]", "").replace("[", ".[").split("."):
        if part.startswith("["):
            steps.append(int(part[1:-1]))
        elif part and part != "$":
            steps.append(part)
    return steps


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n\ufeff":
        at += 1
    return at


def _member(text: str, at: int, step: str | int) -> int | None:
    """Where the value of one key or place of the object or list at `at` begins; the text is known to be valid JSON."""
    if text[at] != ("{" if isinstance(step, str) else "["):
        return None
    decoder = json.JSONDecoder()
    at, count = _skip(text, at + 1), 0
    while at < len(text) and text[at] not in "]}":
        key: Any = count
        if isinstance(step, str):
            key, at = decoder.raw_decode(text, at)
            at = _skip(text, _skip(text, at) + 1)
        if key == step:
            return at
        _, at = decoder.raw_decode(text, at)
        at, count = _skip(text, at), count + 1
        if text[at] == ",":
            at = _skip(text, at + 1)
    return None
