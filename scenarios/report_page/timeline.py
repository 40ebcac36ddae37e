"""The timeline: a lane for dispatch, each vehicle that carried the severe casualty, the casualty and the hospital.

Bars say what somebody was doing, flags what happened; below, one row for every other vehicle and casualty. Marks above
come from the scenario's expectations that name a moment, so a paper's own minutes stand where the paper put them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from casebook.log import Entry
from scenarios.report_page.axis import Flag, TimeAxis, rows_of, staircase
from scenarios.report_page.lanes import Bar, Lane, lanes_of, others_of
from scenarios.report_page.markup import Child, Html, tag
from scenarios.report_page.story import Story
from scenarios.report_page.triage import triage_shape
from scenarios.report_page.voice import Voice, shortened, width_em

WIDTH, GUTTER, MARGIN = 1200.0, 168.0, 150.0
FONT, ROW, BAR = 12.0, 17.0, 12.0
LEGEND = ("standby", "told", "moving", "scene", "carrying", "meeting", "ready", "door")


def timeline(story: Story, voice: Voice) -> Html | None:
    """A drawing per lane under one axis, or None while there is nothing to tell.

    As the rows of a table, so that paper breaks between lanes and repeats the axis on every page.
    """
    if story.zero is None or story.end is None:
        return None
    axis = TimeAxis(story.zero, story.end, GUTTER, WIDTH - MARGIN)
    marks = expected_moments(story.report, story.zero)
    lanes: list[tuple[str, Child, float]] = [
        (lane.title, *_draw_lane(story, voice, axis, lane)) for lane in lanes_of(story, voice, axis)
    ]
    others = others_of(story, voice)
    if others:
        rows = [_draw_row(voice, axis, *other, 22.0 * number) for number, other in enumerate(others)]
        lanes.append((voice.say("report.lane.others"), rows, 22.0 * len(others) + 4))
    drawn = [_picture(title, [_grid(axis, marks, height), inside], height) for title, inside, height in lanes]
    header = _picture(voice.say("report.timeline"), *_header(axis, marks, voice))
    return tag(
        "table", tag("thead", tag("tr", tag("td", header))), tag("tbody", [tag("tr", tag("td", one)) for one in drawn]),
        class_="lanes", role="presentation",
    )  # fmt: skip


def _picture(title: str, inside: Child, height: float) -> Html:
    return tag("svg", inside, viewBox=f"0 0 {WIDTH:.0f} {height:.0f}", role="img", class_="timeline", aria_label=title)


# --- what stands above


def expected_moments(report: Mapping[str, Any], zero: datetime) -> list[dict[str, Any]]:
    """Expectations that name a moment: when it should come (the middle of its window, or its limit), and whether."""
    found: list[dict[str, Any]] = []
    for one in report.get("expectations", ()):
        path, bounds = str(one["value"]), one["expected"]
        low, high = bounds.get("at_least"), bounds.get("at_most")
        if not path.startswith(("moments_s.", "clocks_s.incident_to_")) or (low is None and high is None):
            continue
        known = [s for s in (low, high) if s is not None]
        aim = sum(known) / len(known)
        window = [zero + timedelta(seconds=s) for s in known] if len(known) == 2 else []
        found.append({**one, "at": zero + timedelta(seconds=aim), "window": window})
    return sorted(found, key=lambda one: one["at"])


def _header(axis: TimeAxis, marks: Sequence[Mapping[str, Any]], voice: Voice) -> tuple[Html, float]:
    name_of = "name_zh" if voice.language == "zh" else "name"
    names = [f"{'✓' if one['passed'] else '✗'} {voice.clock(one['at'])} {one[name_of]}" for one in marks]
    xs = [axis.clamped(one["at"]) for one in marks]
    lefts = [min(x + 4, WIDTH - width_em(name) * FONT - 12) for x, name in zip(xs, names, strict=True)]
    flags = staircase(list(zip(lefts, names, strict=True)), FONT, WIDTH)
    base = 8.0 + rows_of(flags) * ROW
    drawn: list[Html] = []
    for one, x, flag, name in zip(marks, xs, flags, names, strict=True):
        y = base - flag.row * ROW - 6
        passed = "passed" if one["passed"] else "failed"
        title = tag("title", name, " · ", voice.say(f"report.{passed}"), " · ", one.get("source") or "")
        pole = tag("path", d=f"M{x:.1f} {y + 3:.1f}V{base + 1:.1f}", class_="aim pole")
        text = tag("text", flag.text, x=flag.x, y=y, class_=f"aim {passed}")
        drawn.append(tag("g", title, pole, text))
    ticks = [
        tag(
            "g",
            tag("text", voice.clock(at), x=axis.x(at), y=base + 14, class_="tick clock"),
            tag("text", voice.plus(at), x=axis.x(at), y=base + 29, class_="tick"),
        )
        for at in axis.ticks()
    ]
    return tag("g", drawn, ticks), base + 36


def _grid(axis: TimeAxis, marks: Sequence[Mapping[str, Any]], height: float) -> Html:
    lines = [f"M{axis.x(at):.1f} 0V{height:.0f}" for at in axis.ticks()]
    aims = [f"M{axis.clamped(one['at']):.1f} 0V{height:.0f}" for one in marks]
    spans = [[axis.clamped(at) for at in one["window"]] for one in marks if one["window"]]
    bands = [tag("rect", x=left, y=0, width=right - left, height=height, class_="window") for left, right in spans]
    ticks = tag("path", d="".join(lines), class_="grid")
    return tag("g", bands, ticks, tag("path", d="".join(aims), class_="aim"))


# --- lanes


def _draw_lane(story: Story, voice: Voice, axis: TimeAxis, lane: Lane) -> tuple[Html, float]:
    """The lane and its height."""
    texts = [
        f"{voice.clock(group[0].at)} {shortened(story.phrase(voice, group), lane.most_em)}" for group in lane.facts
    ]
    xs = [axis.x(group[0].at) for group in lane.facts]
    flags = staircase(list(zip(xs, texts, strict=True)), FONT, WIDTH - 4)
    middle = 8 + BAR / 2
    height = 8 + BAR + 6 + max(1, rows_of(flags)) * ROW + 8
    picture = tag(
        "g",
        tag("path", d=f"M0 .5H{WIDTH:.0f}", class_="rule"),
        tag("text", lane.title, x=0, y=19, class_="lane"),
        _wrapped(lane.subtitle, 37),
        tag("path", d=f"M{GUTTER:.0f} {middle:.1f}H{WIDTH - MARGIN:.0f}", class_="base"),
        _draw_bars(voice, axis, lane.bars, 8),
        [_draw_flag(story, voice, group, flag, middle) for group, flag in zip(lane.facts, flags, strict=True)],
    )
    return picture, max(height, 58.0)


def _wrapped(text: str, y: float) -> list[Html]:
    """A subtitle of up to two lines beside its lane, broken before a bracket or at a space where there is one."""
    first = shortened(text, 13).removesuffix("…")
    if first != text:
        at = max(first.rfind(one) for one in (" ", "(", "（"))
        first = first[:at] if at > 3 else first
    rest = shortened(text[len(first) :].strip(), 13)
    lines = [line for line in (first.strip(), rest) if line]
    return [tag("text", line, x=0, y=y + 15 * i, class_="who") for i, line in enumerate(lines)]


def _draw_bars(voice: Voice, axis: TimeAxis, bars: Iterable[Bar], y: float) -> list[Html]:
    drawn: list[Html] = []
    for bar in bars:
        left, right = axis.clamped(bar.start), axis.clamped(bar.end)
        if right > left:
            span = voice.span((bar.end - bar.start).total_seconds())
            title = tag("title", voice.say(f"report.doing.{bar.doing}"), " ", voice.clock(bar.start), " · ", span)
            drawn.append(tag("rect", title, x=left, y=y, width=right - left, height=BAR, class_=f"do {bar.doing}"))
    return drawn


def _draw_flag(story: Story, voice: Voice, group: Sequence[Entry], flag: Flag, middle: float) -> Html:
    y = middle + BAR / 2 + 6 + flag.row * ROW + FONT
    clock, _, words = flag.text.partition(" ")
    at = group[0].at
    title = tag("title", f"{voice.clock(at)} {voice.plus(at)} ", story.phrase(voice, group))
    wrong = " wrong" if group[0].kind in ("alert_undelivered", "row_refused", "no_destination") else ""
    return tag(
        "g", title,
        tag("path", d=f"M{flag.x:.1f} {middle:.1f}V{y:.1f}", class_="pole"),
        tag("circle", cx=flag.x, cy=middle, r=3.0, class_="fact"),
        tag("text", tag("tspan", clock, class_="at"), " ", words, x=flag.x + 3, y=y, class_=f"flag{wrong}"),
    )  # fmt: skip


def _draw_row(voice: Voice, axis: TimeAxis, title: str, bars: Sequence[Bar], category: str | None, y: float) -> Html:
    beyond = [bar.end for bar in bars if bar.end > axis.end]
    mark = [tag("g", triage_shape(category), transform=f"translate(0 {y + 3:.1f}) scale(.5)")] if category else []
    on = voice.say("report.until", clock=voice.clock(max(beyond))) if beyond else ""
    return tag(
        "g",
        tag("path", d=f"M0 {y:.1f}H{WIDTH:.0f}", class_="rule"),
        mark,
        tag("text", shortened(title, 11.5 if category else 13), x=22 if category else 0, y=y + 15, class_="who"),
        tag("path", d=f"M{GUTTER:.0f} {y + 11:.1f}H{WIDTH - MARGIN:.0f}", class_="base"),
        _draw_bars(voice, axis, bars, y + 5),
        tag("text", on, x=WIDTH - MARGIN + 4, y=y + 15, class_="who") if beyond else None,
    )  # fmt: skip


def legend(voice: Voice) -> Html:
    """What the bars mean."""
    return tag(
        "p", [[tag("span", "", class_=f"swatch {one}"), voice.say(f"report.doing.{one}"), " "] for one in LEGEND],
        class_="legend",
    )  # fmt: skip
