"""Find what a screen's code writes as literal text: the html`` templates of a JavaScript file without their ${...}."""

from __future__ import annotations

import re

READ_ALOUD = ("title", "alt", "placeholder", "aria-label", "aria-description", "label", "value")


def templates(source: str) -> list[str]:
    """Every html`` template, also one inside another's ${...}; each ${...} is replaced by one NUL character."""
    found: list[str] = []
    _code(source, 0, found, closing=None)
    return found


def without_comments(source: str) -> str:
    """The code without // and /* */ comments; strings and templates stay."""
    kept: list[str] = []
    at = 0
    while at < len(source):
        if source.startswith("//", at) and not source[:at].endswith(":"):
            at = _after(source, "\n", at) - 1
        elif source.startswith("/*", at):
            at = _after(source, "*/", at)
        elif source[at] in "'\"`":
            end = _string_end(source, at)
            kept.append(source[at:end])
            at = end
        else:
            kept.append(source[at])
            at += 1
    return "".join(kept)


def literal_text(template: str) -> list[str]:
    """Words that a reader would see or hear: text between tags, and literal attributes that are read aloud."""
    attributes = "|".join(map(re.escape, READ_ALOUD))
    spoken = re.findall(rf"""(?<![\w-])(?:{attributes})\s*=\s*["']([^"'\0]*)["']""", template)
    text = re.sub(r"<!--.*?-->|</?[^<>]*>", " ", template, flags=re.DOTALL)
    return [piece.strip() for piece in (*spoken, *text.split("\0")) if re.search(r"[^\W\d_]", piece)]


def _code(source: str, at: int, found: list[str], closing: str | None) -> int:
    """Read code from `at` until its `closing` brace (or the end); returns the place after it."""
    depth = 0
    while at < len(source):
        here = source[at]
        if source.startswith("//", at):
            at = _after(source, "\n", at)
        elif source.startswith("/*", at):
            at = _after(source, "*/", at)
        elif here in "'\"":
            at = _string_end(source, at)
        elif here == "`":
            at = _template(source, at + 1, found, is_html=source[:at].endswith("html"))
        elif here == closing and depth == 0:
            return at + 1
        else:
            depth += {"{": 1, "}": -1}.get(here, 0)
            at += 1
    return at


def _template(source: str, at: int, found: list[str], *, is_html: bool) -> int:
    """Read a template literal whose first character is at `at`; returns the place after its closing backtick."""
    text: list[str] = []
    while at < len(source) and source[at] != "`":
        if source[at] == "\\":
            at += 2
        elif source.startswith("${", at):
            at = _code(source, at + 2, found, closing="}")
            text.append("\0")
        else:
            text.append(source[at])
            at += 1
    if is_html:
        found.append("".join(text))
    return at + 1


def _string_end(source: str, at: int) -> int:
    quote, at = source[at], at + 1
    while at < len(source) and source[at] != quote:
        at += 2 if source[at] == "\\" else 1
    return at + 1


def _after(source: str, mark: str, at: int) -> int:
    end = source.find(mark, at)
    return len(source) if end < 0 else end + len(mark)
