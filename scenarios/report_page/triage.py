"""The triage mark on paper: colour, roman numeral, shape and word together, as on every screen."""

from __future__ import annotations

from scenarios.report_page.markup import Html, tag
from scenarios.report_page.voice import Voice

# colour -> (numeral, path in a 32 x 32 box, baseline of the numeral); the same shapes as casebook/browser/triage.js
MARKS: dict[str, tuple[str, str, int]] = {
    "red": ("I", "M4 4h24v24H4z", 22),
    "yellow": ("II", "M16 2 30 29H2z", 25),
    "green": ("III", "M16 2a14 14 0 1 0 .01 0z", 22),
    "grey": ("IV", "M16 2 30 16 16 30 2 16z", 22),
    "black": ("0", "M10 2h12l8 8v12l-8 8H10l-8-8V10z", 22),
    "none": ("?", "M4 4h24v24H4z", 22),
}


def triage_shape(category: str) -> Html:
    """The shape with its numeral, for the inside of another drawing; an unknown colour is drawn as not triaged."""
    known = category if category in MARKS else "none"
    numeral, path, y = MARKS[known]
    return tag(
        "g", tag("path", d=path), tag("text", numeral, x=16, y=y, text_anchor="middle"), class_=f"triage {known}"
    )


def triage_mark(voice: Voice, category: str | None) -> Html:
    """Shape, numeral and word on a line of text."""
    known = category if category in MARKS else "none"
    shape = tag("svg", triage_shape(known), viewBox="0 0 32 32", class_="mark", aria_hidden="true")
    colour = f"{voice.say(f'report.colour.{known}')} " if known != "none" else ""
    return tag("span", shape, colour + voice.say(f"triage.{known}"), class_="triaged")
