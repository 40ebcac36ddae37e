"""Read a YAML file and name every mistake in it by file, line and field, in both languages.

The shape is a JSON Schema; what a schema cannot say (a unit that nobody declared) is added by the caller through the
same `Mistake`. The file is read with safe types only; times stay text with their zone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from casebook.errors import RefusedInput
from casebook.words import Language, say

Path_ = tuple[str | int, ...]
MAX_BYTES = 5_000_000


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing wrong: `why` is a word key `mistake.<why>` with facts."""

    file: str
    line: int
    field: str
    why: str
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)

    def said(self, language: Language = "en") -> str:
        why = say(f"mistake.{self.why}", language, **self.facts)
        return say("mistake.line", language, file=self.file, line=self.line, field=self.field or "-", why=why)


class BadFile(RefusedInput):
    """A scenario or region file that cannot be used; `mistakes` has all of them, in order of line."""

    key = "bad_file"

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = sorted(mistakes, key=lambda one: (one.line, one.field))
        super().__init__(file=self.mistakes[0].file, count=len(self.mistakes))

    def said(self, language: Language = "en") -> str:
        return "\n".join([super().said(language), *(mistake.said(language) for mistake in self.mistakes)])


@dataclass(frozen=True, slots=True)
class YamlFile:
    """The plain values of a file, and where each stands."""

    name: str
    values: Any
    lines: dict[Path_, int]

    def mistake(self, path: Iterable[str | int], why: str, /, **facts: Any) -> Mistake:
        """A mistake at `path`; its line is that of the nearest thing that exists."""
        whole = tuple(path)
        known = whole
        while known not in self.lines:
            known = known[:-1]
        return Mistake(self.name, self.lines[known], ".".join(str(part) for part in whole), why, facts)


class _Loader(yaml.SafeLoader):
    """Safe types, with times left as the text they are."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read(file: Path) -> YamlFile:
    """Read a YAML file. Raises BadFile when it is absent, too big, not text or not YAML."""
    try:
        if file.stat().st_size > MAX_BYTES:
            raise BadFile([Mistake(file.name, 1, "", "too_big", {"limit": MAX_BYTES})])
        text = file.read_text(encoding="utf-8")
    except OSError as wrong:
        raise BadFile([Mistake(str(file), 0, "", "unreadable", {"why": wrong.strerror or str(wrong)})]) from wrong
    except UnicodeDecodeError as wrong:
        raise BadFile([Mistake(file.name, 1, "", "not_text", {"why": str(wrong.reason)})]) from wrong
    return parse(text, file.name)


def parse(text: str, name: str) -> YamlFile:
    """The values of a YAML text. Raises BadFile at the line where it stops being YAML."""
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            raise BadFile([Mistake(name, 1, "", "empty")])
        lines: dict[Path_, int] = {}
        mistakes = list(_walk(node, (), lines, name))
        if mistakes:
            raise BadFile(mistakes)
        return YamlFile(name, loader.construct_document(node), lines)
    except yaml.MarkedYAMLError as wrong:
        line = wrong.problem_mark.line + 1 if wrong.problem_mark else 1
        raise BadFile([Mistake(name, line, "", "not_yaml", {"why": wrong.problem or "?"})]) from wrong
    except (yaml.YAMLError, RecursionError) as wrong:
        raise BadFile([Mistake(name, 1, "", "not_yaml", {"why": str(wrong)})]) from wrong
    finally:
        loader.dispose()


def _walk(node: yaml.Node, path: Path_, lines: dict[Path_, int], name: str) -> Iterable[Mistake]:
    """Note the line of every value; a key that stands twice is a mistake, not a silent overwrite."""
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*path, key.value)
            if here in lines:
                yield Mistake(name, key.start_mark.line + 1, ".".join(map(str, here)), "twice")
            lines[here] = key.start_mark.line + 1
            yield from _walk(value, here, lines, name)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield from _walk(value, (*path, number), lines, name)


def check(file: YamlFile, schema: dict[str, Any]) -> list[Mistake]:
    """Every place where the values do not fit the schema."""
    validator = jsonschema.Draft202012Validator(schema)
    return [_told(file, wrong) for wrong in validator.iter_errors(file.values)]


def _told(file: YamlFile, wrong: jsonschema.ValidationError) -> Mistake:
    path = tuple(wrong.absolute_path)
    kind, instance = str(wrong.validator), wrong.instance
    present: dict[str, Any] = instance if isinstance(instance, dict) else {}
    limit: Any = wrong.validator_value
    match kind:
        case "required":
            absent = next((name for name in limit if name not in present), "?")
            return file.mistake((*path, absent), "required")
        case "additionalProperties":
            known = wrong.schema.get("properties", {}) if isinstance(wrong.schema, dict) else {}
            extra = next((name for name in present if name not in known), "?")
            return file.mistake((*path, extra), "additional", known=", ".join(sorted(known)))
        case "type":
            wanted = limit if isinstance(limit, str) else " / ".join(limit)
            return file.mistake(path, "type", wanted=wanted, found=_short(wrong.instance))
        case "enum" | "const":
            choices = limit if isinstance(limit, list) else [limit]
            return file.mistake(path, "enum", choices=", ".join(map(str, choices)), found=_short(wrong.instance))
        case "minimum" | "maximum" | "exclusiveMinimum" | "minItems" | "minLength" | "minProperties":
            return file.mistake(path, "limit", limit=limit, found=_short(wrong.instance))
        case "pattern" | "format":
            return file.mistake(path, "pattern", found=_short(wrong.instance), wanted=_meant(wrong))
        case _:
            return file.mistake(path, "other", why=wrong.message)


def _meant(wrong: jsonschema.ValidationError) -> str:
    schema = wrong.schema if isinstance(wrong.schema, dict) else {}
    return str(schema.get("description", schema.get("examples", [wrong.validator_value])))


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
