"""The destination decision: what won, the ways side by side by minutes, and why every other way lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scenarios.report_page.markup import Html, tag
from scenarios.report_page.story import Story
from scenarios.report_page.voice import NOTHING, Voice, shortened, width_em

WIDTH, GUTTER, MARGIN = 1200.0, 168.0, 130.0
BAR, ROW, FONT = 30.0, 50.0, 12.0
MODES = ("road", "air", "rendezvous")
TERMS = (
    "on_scene", "drive", "wait_for_aircraft", "alarm_to_takeoff", "standby_takeoff", "night_extra", "loading", "hoist",
    "climb", "cruise", "approach_landing", "unloading", "pad_to_ed",
)  # fmt: skip
STEPS_MIN = (1, 2, 5, 10, 15, 30, 60, 120)


def decision(story: Story, voice: Voice) -> Html:
    """The whole section's content."""
    made = story.report["decision"]
    if not made.get("hospital"):
        nobody = tag("p", voice.say("report.no_destination"), class_="bad")
        return tag("div", nobody, _rejected(story, voice, made))
    return tag("div", _winner(story, voice, made), _bars(story, voice, made), _rejected(story, voice, made))


def _winner(story: Story, voice: Voice, made: Mapping[str, Any]) -> Html:
    hospitals = story.picture.hospitals
    reasons = [voice.reason(reason, hospitals) for reason in made.get("reasons", ())]
    site = tag("p", voice.say("report.meets_at", site=story.site_name(voice, made["rendezvous"])))
    override = made.get("override_reason")
    return tag(
        "div",
        tag("p", story.hospital_name(voice, made["hospital"]), class_="winner"),
        tag("p", voice.word("report.way", made["mode"]), " · ", _predicted(story, voice, made)),
        site if made.get("rendezvous") else None,
        tag("p", voice.say("report.because"), voice.listed(reasons)) if reasons else None,
        tag("p", voice.say("report.override", reason=override), class_="warn") if override else None,
        tag("p", voice.say("report.rules", rules=made["rules"]), class_="quiet") if made.get("rules") else None,
        class_="chosen",
    )  # fmt: skip


def _predicted(story: Story, voice: Voice, made: Mapping[str, Any]) -> str:
    """What was predicted at the decision, and how far off it was."""
    actual_s = story.report["clocks_s"].get("decision_to_door")
    if actual_s is None or made.get("eta_s") is None:
        return voice.say("report.predicted", eta=voice.span(made.get("eta_s")))
    off = f"{(actual_s - made['eta_s']) / 60:+.1f}".replace("-", "−")
    return voice.say("report.predicted_actual", eta=voice.span(made["eta_s"]), actual=voice.span(actual_s), off=off)


# --- ways side by side


def ways_to(made: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Road, air and rendezvous to the chosen hospital: the one taken, and those that were not."""
    taken = {**{name: made.get(name) for name in ("mode", "eta_s", "terms_s")}, "taken": True, "reasons": []}
    here = [one for one in made["rejected"] if one["hospital"] in (made["hospital"], "")]  # "": what holds for all
    others = [one for one in here if one["mode"] != made["mode"]]
    ways = {one["mode"]: {**one, "taken": False} for one in reversed(others)} | {made["mode"]: taken}
    return [ways[mode] for mode in MODES if mode in ways]


def _bars(story: Story, voice: Voice, made: Mapping[str, Any]) -> Html:
    ways = ways_to(made)
    actual_s = story.report["clocks_s"].get("decision_to_door")
    longest_s = max([60.0, actual_s or 0.0, *(way["eta_s"] or 0.0 for way in ways)])
    px_per_s = (WIDTH - GUTTER - MARGIN) / longest_s
    bottom = 10 + len(ways) * ROW + (ROW if actual_s is not None else 0)
    drawn = [_axis(voice, longest_s, px_per_s, bottom)]
    drawn += [_way(story, voice, way, 10 + i * ROW, px_per_s) for i, way in enumerate(ways)]
    if actual_s is not None:
        drawn.append(_actual(voice, actual_s, 10 + len(ways) * ROW, px_per_s))
    svg = tag(
        "svg", drawn, viewBox=f"0 0 {WIDTH:.0f} {bottom + 24:.0f}", role="img", class_="ways",
        aria_label=voice.say("report.ways"),
    )  # fmt: skip
    used = [term for term in TERMS if any(term in (way.get("terms_s") or {}) for way in ways)]
    swatches = [[tag("span", "", class_=f"swatch {term}"), _term(voice, term), " "] for term in used]
    return tag("div", tag("div", svg, class_="figure", tabindex=0), tag("p", swatches, class_="legend"))


def _axis(voice: Voice, longest_s: float, px_per_s: float, bottom: float) -> Html:
    step = next((s for s in STEPS_MIN if s * 60 * px_per_s > 50), STEPS_MIN[-1])
    ticks = range(0, int(longest_s / 60) + 1, step)
    lines = "".join(f"M{GUTTER + m * 60 * px_per_s:.1f} 0V{bottom:.0f}" for m in ticks)
    texts = [tag("text", str(m), x=GUTTER + m * 60 * px_per_s, y=bottom + 15, class_="tick") for m in ticks]
    unit = tag("text", voice.say("report.minutes_unit"), x=WIDTH - 4, y=bottom + 15, class_="tick end")
    return tag("g", tag("path", d=lines, class_="grid"), texts, unit)


def _way(story: Story, voice: Voice, way: Mapping[str, Any], y: float, px_per_s: float) -> Html:
    name = tag("text", voice.word("report.way", way["mode"]), x=0, y=y + (14 if way["taken"] else 20), class_="lane")
    state = tag("text", voice.say("report.taken"), x=0, y=y + 30, class_="who taken") if way["taken"] else None
    if way["eta_s"] is None:
        why = voice.listed([voice.reason(reason, story.picture.hospitals) for reason in way["reasons"]])
        text = shortened(voice.say("report.no_way", why=why), (WIDTH - GUTTER) / FONT)
        return tag("g", name, tag("text", text, x=GUTTER + 4, y=y + 20, class_="none"))
    x, parts = GUTTER, []
    for term, span_s in (way.get("terms_s") or {"": way["eta_s"]}).items():
        parts.append(_part(voice, term, span_s, x, y, px_per_s))
        x += span_s * px_per_s
    total = tag("text", voice.span(way["eta_s"]), x=x + 8, y=y + 20, class_="total")
    frame = tag("rect", x=GUTTER, y=y, width=x - GUTTER, height=BAR, class_="frame taken") if way["taken"] else None
    return tag("g", name, state, parts, frame, total)


def _part(voice: Voice, term: str, span_s: float, x: float, y: float, px_per_s: float) -> Html:
    wide = span_s * px_per_s
    known = term if term in TERMS else "other"
    title = tag("title", _term(voice, term), " ", voice.span(span_s)) if term else None
    box = tag("rect", title, x=x, y=y, width=wide, height=BAR, class_=f"term {known}")
    text = f"{span_s / 60:.1f}"
    inside = wide > width_em(text) * FONT + 4
    return tag("g", box, tag("text", text, x=x + wide / 2, y=y + 20, class_=f"in {known}") if inside else None)


def _actual(voice: Voice, actual_s: float, y: float, px_per_s: float) -> Html:
    wide = actual_s * px_per_s
    return tag(
        "g",
        tag("text", voice.say("report.actual"), x=0, y=y + 14, class_="lane"),
        tag("rect", x=GUTTER, y=y + 4, width=wide, height=BAR / 2, class_="actual"),
        tag("text", voice.span(actual_s), x=GUTTER + wide + 8, y=y + 16, class_="total"),
    )


def _term(voice: Voice, term: str) -> str:
    own = voice.word("report.term", term)
    return own if own != term else voice.word("routing.term", term)


# --- what lost


def _rejected(story: Story, voice: Voice, made: Mapping[str, Any]) -> Html | None:
    """Every rejected way with its reasons: a row per hospital in the decision's own order, one for what
    holds for all of them, a column per way."""
    by_hospital: dict[str, dict[str, Mapping[str, Any]]] = {}
    for way in made["rejected"]:
        by_hospital.setdefault(way["hospital"], {}).setdefault(way["mode"], way)
    if not by_hospital:
        return None
    names = ["hospital", "every_way"]
    head = [tag("th", voice.say(f"report.head.{name}"), scope="col") for name in names]
    head += [tag("th", voice.word("report.way", mode), scope="col") for mode in MODES]
    rows = [_hospital(story, voice, made, hospital, ways) for hospital, ways in by_hospital.items()]
    count = voice.say("report.rejected", n=len(made["rejected"]), hospitals=len(by_hospital.keys() - {""}))
    table = tag("table", tag("thead", tag("tr", head)), tag("tbody", rows), class_="rejected")
    return tag("div", tag("h3", count), tag("div", table, class_="wide", tabindex=0))


def _hospital(
    story: Story, voice: Voice, made: Mapping[str, Any], hospital: str, ways: Mapping[str, Mapping[str, Any]]
) -> Html:
    told = {mode: [voice.reason(one, story.picture.hospitals) for one in way["reasons"]] for mode, way in ways.items()}
    first = next(iter(told.values()))
    common = [one for one in first if len(told) > 1 and all(one in others for others in told.values())]
    cells: list[Html] = []
    for mode in MODES:
        if (hospital, mode) == (made.get("hospital"), made.get("mode")):
            taken = tag("b", voice.say("report.taken"), class_="good"), " ", voice.span(made["eta_s"])
            cells.append(tag("td", taken))
        elif mode in ways:
            own = [one for one in told[mode] if one not in common]
            cells.append(_cell(story, voice, ways[mode], own))
        else:
            cells.append(tag("td", NOTHING, class_="none"))
    named = story.hospital_name(voice, hospital) if hospital else voice.say("destination.any_hospital")
    name = tag("th", named, scope="row")
    return tag("tr", name, tag("td", [tag("p", one) for one in common]), cells)


def _cell(story: Story, voice: Voice, way: Mapping[str, Any], reasons: Sequence[str]) -> Html:
    eta = tag("b", voice.span(way["eta_s"])) if way["eta_s"] is not None else None
    site = (
        voice.say("report.meets_at", site=story.site_name(voice, way["rendezvous"])) if way.get("rendezvous") else None
    )
    lines = [tag("p", one) for one in (site, *reasons) if one]
    return tag("td", eta, lines)
