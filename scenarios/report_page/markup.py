"""Make HTML and SVG in which nothing from outside can be anything but text.

`tag` escapes every child and attribute that is not already `Html`; only this module and the style sheet make `Html`.
"""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Any

VOID = frozenset({"br", "input", "meta"})
# Elements that SVG allows to end in themselves; shorter, and the same to every parser of HTML.
EMPTY = frozenset({"circle", "line", "path", "polyline", "rect", "use"})


class Html(str):
    """Text that is safe as it stands."""

    __slots__ = ()


Child = Any  # Html, text, a number, None, or an iterable of these


def tag(name: str, /, *children: Child, **attributes: Any) -> Html:
    """One element. `class_`, `for_` lose their underscore, others turn it into a hyphen; None, False are left out."""
    written = "".join(_attribute(key, value) for key, value in attributes.items())
    inside = join(children)
    if name in VOID:
        return Html(f"<{name}{written}>")
    if name in EMPTY and not inside:
        return Html(f"<{name}{written}/>")
    return Html(f"<{name}{written}>{inside}</{name}>")


def join(*children: Child) -> Html:
    """Children one after the other, each escaped unless it is Html."""
    return Html("".join(_pieces(children)))


def _pieces(children: Iterable[Child]) -> Iterable[str]:
    for child in children:
        if child is None or child is False:
            continue
        if isinstance(child, Html):
            yield child
        elif isinstance(child, str):
            yield html.escape(child)
        elif isinstance(child, Iterable):
            yield from _pieces(child)
        else:
            yield html.escape(number(child) if isinstance(child, float) else str(child))


def _attribute(key: str, value: Any) -> str:
    if value is None or value is False:
        return ""
    key = key.rstrip("_").replace("_", "-")
    if value is True:
        return f" {key}"
    text = number(value) if isinstance(value, float) else str(value)
    return f' {key}="{html.escape(text)}"'


def number(value: float) -> str:
    """A coordinate to 0.1, without idle zeros."""
    text = f"{value:.1f}"
    return text.removesuffix(".0") if text != "-0.0" else "0"


def points(line: Iterable[tuple[float, float]]) -> str:
    """The `d` of an open path through these points, relative and short; empty for less than two points."""
    places = [(round(x * 10), round(y * 10)) for x, y in line]
    places = [place for i, place in enumerate(places) if i == 0 or place != places[i - 1]]
    if len(places) < 2:
        return ""
    (x, y), *rest = places
    written = [f"M{_tenth(x)} {_tenth(y)}l"]
    steps: list[str] = []
    for nx, ny in rest:
        steps.append(f"{_tenth(nx - x)} {_tenth(ny - y)}")
        x, y = nx, ny
    return written[0] + " ".join(steps).replace(" -", "-")


def _tenth(value: int) -> str:
    return number(value / 10)
