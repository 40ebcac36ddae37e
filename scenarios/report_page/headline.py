"""The first page: minutes saved and how they are computed, the clocks with their definitions, the drill at a glance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scenarios.report_page.axis import rows_of, shelved
from scenarios.report_page.markup import Html, tag
from scenarios.report_page.story import Story
from scenarios.report_page.voice import NOTHING, Voice, width_em

WIDTH, GUTTER, MARGIN = 1200.0, 168.0, 110.0
# (letter, name in clocks_s): the four clocks of the reference, and the one that bounds the fourth
CLOCKS = (
    ("a", "handover_to_door"), ("b", "incident_to_door"), ("c", "decision_to_door"), ("d", "ground_incident_to_door"),
)  # fmt: skip
# The way of the severe casualty as its great moments cut it: from the moment before to this one, this was being done.
SETTLED = ("handed_over", "closed")
LEAST_NAMED_S = 15.0  # shorter stretches are drawn but not named
STRETCHES = (
    ("unit_en_route", "told"), ("unit_on_scene", "moving"), ("unit_left_scene", "scene"),
    ("unit_at_landing_site", "carrying"), ("casualty_transferred", "meeting"), ("aircraft_left_scene", "meeting"),
    ("aircraft_at_destination", "carrying"), ("unit_at_destination", "carrying"), ("casualty_arrived", "door"),
)  # fmt: skip


def headline(story: Story, voice: Voice) -> Html:
    clocks = story.report["clocks_s"]
    return tag(
        "div",
        tag("div", _saved(voice, clocks), _glance(story, voice), class_="hero"),
        _race(story, voice, clocks),
        tag("div", [_clock(voice, letter, name, clocks) for letter, name in CLOCKS], class_="cards"),
        tag("p", voice.say("report.first_data", span=voice.span(clocks["incident_to_first_data"])), class_="note"),
        _works_off(voice, clocks),
    )


def _saved(voice: Voice, clocks: Mapping[str, Any]) -> Html:
    saved, ground, actual = (clocks.get(name) for name in ("saved", "ground_incident_to_door", "incident_to_door"))
    if saved is None:
        missing = "no_door" if actual is None else "no_ground"
        figure = tag("p", NOTHING, class_="figure-big")
        return tag("div", figure, tag("p", voice.say(f"report.saved.{missing}"), class_="bad"), class_="saved")
    word = voice.say("report.saved.lost" if saved < 0 else "report.saved.won")
    unit = tag("span", voice.say("report.minutes_unit"), class_="unit")
    formula = voice.say(
        "report.saved.formula", ground=voice.minutes(ground), actual=voice.minutes(actual), saved=voice.minutes(saved)
    )  # fmt: skip
    return tag(
        "div",
        tag("p", word, class_="over"),
        tag("p", voice.minutes(abs(saved)), unit, class_="figure-big"),
        tag("p", formula, class_="formula"),
        tag("p", voice.say("report.saved.never"), class_="quiet"),
        class_="saved" if saved >= 0 else "saved lost",
    )


def _glance(story: Story, voice: Voice) -> Html:
    """What a director asks first, each with its answer and whether it is good."""
    report = story.report
    made, vitals = report["decision"], report["vitals"]
    passed = sum(one["passed"] for one in report["expectations"])
    of = len(report["expectations"])
    items = report.get("yardstick", ())
    met = sum(one["passed"] for one in items)
    lines = [
        ("expectations", voice.say("report.glance.of", passed=passed, of=of), passed == of),
        ("yardstick", voice.say("report.glance.of", passed=met, of=len(items)), met == len(items)),
        ("destination", _destination(story, voice, made), made.get("hospital") is not None),
        (
            "lost",
            voice.say("report.glance.vitals", lost=vitals["lost"], sampled=vitals["sampled"]),
            vitals["lost"] == 0,
        ),
        ("casualties", _handed_over(story, voice), _all_handed_over(story)),
        ("refused", str(len(report["steps"]["refused"])), not report["steps"]["refused"]),
    ]
    rows = [
        tag(
            "div",
            tag("dt", voice.say(f"report.glance.{name}")),
            tag("dd", verdict(voice, good), " ", text),
        )
        for name, text, good in lines
    ]
    return tag("dl", rows, class_="glance")


def _destination(story: Story, voice: Voice, made: Mapping[str, Any]) -> str:
    if not made.get("hospital"):
        return voice.say("report.none")
    return f"{story.hospital_name(voice, made['hospital'])} · {voice.word('report.way', made['mode'])}"


def _handed_over(story: Story, voice: Voice) -> str:
    casualties = story.report["casualties"]
    done = sum(one["stage"] in SETTLED for one in casualties)
    return voice.say("report.glance.of", passed=done, of=len(casualties))


def _all_handed_over(story: Story) -> bool:
    casualties = story.report["casualties"]
    return bool(casualties) and all(one["stage"] in SETTLED for one in casualties)


def verdict(voice: Voice, good: bool) -> Html:
    """A mark with its word, so that nobody depends on colour."""
    word = voice.say("report.passed" if good else "report.failed")
    return tag("span", "✓" if good else "✗", tag("span", word, class_="unseen"), class_="good" if good else "bad")


# --- the race: the drive that did not happen against what did


def _race(story: Story, voice: Voice, clocks: Mapping[str, Any]) -> Html | None:
    ground, actual = clocks.get("ground_incident_to_door"), clocks.get("incident_to_door")
    if actual is None:
        return None
    px_per_s = (WIDTH - GUTTER - MARGIN) / max(actual, ground or 0.0)
    stretches, bottom = _stretches(story, voice, actual, px_per_s)
    drawn = [_race_name(voice, "actual", 10), stretches, _race_total(voice, actual, 10, px_per_s)]
    if ground is not None:
        bar = tag("rect", x=GUTTER, y=bottom, width=ground * px_per_s, height=30.0, class_="ground-run")
        total = _race_total(voice, ground, bottom, px_per_s)
        drawn += [_race_name(voice, "ground", bottom), bar, total, _bracket(voice, actual, ground, px_per_s, bottom)]
        bottom += 40
    svg = tag(
        "svg", drawn, viewBox=f"0 0 {WIDTH:.0f} {bottom:.0f}", role="img", class_="race",
        aria_label=voice.say("report.race"),
    )  # fmt: skip
    return tag("div", svg, class_="figure", tabindex=0)


def _race_name(voice: Voice, name: str, y: float) -> Html:
    return tag(
        "g",
        tag("text", voice.say(f"report.race.{name}"), x=0, y=y + 14, class_="lane"),
        tag("text", voice.say(f"report.race.{name}_how"), x=0, y=y + 30, class_="who"),
    )


def _race_total(voice: Voice, span_s: float, y: float, px_per_s: float) -> Html:
    return tag("text", voice.span(span_s), x=GUTTER + span_s * px_per_s + 8, y=y + 20, class_="total")


def _stretches(story: Story, voice: Voice, actual: float, px_per_s: float) -> tuple[list[Html], float]:
    """What the minutes to the door went into, as far as the log knows, each named below; and the y where that ends."""
    moments: Mapping[str, float] = story.report.get("moments_s", {})
    cuts = [(moments[name], doing, name) for name, doing in STRETCHES if name in moments and moments[name] <= actual]
    drawn: list[Html] = []
    named: list[tuple[float, str]] = []
    before = 0.0
    for until, doing, name in cuts:
        if until <= before:
            continue
        x, wide = GUTTER + before * px_per_s, (until - before) * px_per_s
        text = f"{voice.say(f'report.stretch.{name}')} {voice.minutes(until - before)}"
        drawn.append(tag("rect", tag("title", text), x=x, y=10.0, width=wide, height=30.0, class_=f"do {doing}"))
        if until - before >= LEAST_NAMED_S:
            named.append((min(x, GUTTER + actual * px_per_s - width_em(text) * 12 - 6) + 1, text))
        before = until
    flags = shelved(named, 12)
    drawn += [tag("text", flag.text, x=flag.x, y=54 + 15 * flag.row, class_="who") for flag in flags]
    return drawn, 54 + 15 * rows_of(flags)


def _bracket(voice: Voice, actual: float, ground: float, px_per_s: float, bottom: float) -> Html | None:
    """The difference, drawn between the ends of the two bars."""
    left, right = sorted((GUTTER + actual * px_per_s, GUTTER + ground * px_per_s))
    text = voice.say("report.race.difference", n=voice.minutes(abs(ground - actual)))
    wide = width_em(text) * 14 + 12
    if right - left < wide + 40:
        return None
    middle = (left + right) / 2
    d = f"M{left:.1f} 42V{bottom - 4:.1f}M{right:.1f} 42V{bottom - 4:.1f}M{left:.1f} 56H{right:.1f}"
    back = tag("rect", x=middle - wide / 2, y=47.0, height=18.0, width=wide, class_="back")
    return tag("g", tag("path", d=d, class_="bracket"), back, tag("text", text, x=middle, y=61.0, class_="bracket"))


# --- the clocks


def _clock(voice: Voice, letter: str, name: str, clocks: Mapping[str, Any]) -> Html:
    value = clocks.get(name)
    unit = tag("span", voice.say("report.minutes_unit"), class_="unit") if value is not None else None
    return tag(
        "div",
        tag("p", tag("span", letter, class_="letter"), voice.say(f"report.clock.{name}"), class_="name"),
        tag("p", voice.minutes(value), unit, class_="value"),
        tag("p", voice.say(f"report.clock.{name}.means"), class_="means"),
        class_="card",
    )


def _works_off(voice: Voice, clocks: Mapping[str, Any]) -> Html | None:
    """The same drive on open roads, so that nobody thinks the works did it all."""
    open_s = clocks.get("ground_works_off_incident_to_door")
    actual = clocks.get("incident_to_door")
    if open_s is None:
        return None
    saved = voice.minutes(open_s - actual) if actual is not None else NOTHING
    return tag("p", voice.say("report.works_off", ground=voice.span(open_s), saved=saved), class_="note")
