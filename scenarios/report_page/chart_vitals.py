"""The severe casualty's vital signs over time: four panels, the curves exactly as stored. A gap stays a gap.

Cuff pressures are drawn where the cuff measured, as the anaesthetic chart does; what reached the book late because
the link was down is shaded. Limits are those of casebook/vital_limits.json.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from casebook.log import Entry
from casebook.vitals import limits
from scenarios.report_page.axis import TimeAxis
from scenarios.report_page.markup import Html, number, points, tag
from scenarios.report_page.story import Story
from scenarios.report_page.timeline import GUTTER, MARGIN, WIDTH
from scenarios.report_page.voice import NOTHING, Voice, width_em

GAP_S = 15.0  # without a sample the curve ends; source: the screens' own limit of "lost"
PANEL, BETWEEN = 96.0, 16.0
MOST_POINTS = 900  # per curve; beyond that each pixel keeps its lowest and highest
GUIDES = ("casualty_boarded", "casualty_transferred", "casualty_arrived", "handover_completed")
Sample = tuple[datetime, float]


@dataclass(frozen=True)
class Panel:
    """One or two fields on one scale. `least`: the scale covers at least this."""

    fields: tuple[str, ...]
    least: tuple[float, float]
    step: float


PANELS = (
    Panel(("hr_bpm",), (40, 140), 20),
    Panel(("sbp_mmhg", "dbp_mmhg"), (40, 140), 20),
    Panel(("spo2_pct",), (85, 100), 5),
    Panel(("rr_bpm",), (8, 32), 8),
)


def series(samples: Iterable[Entry], field: str) -> list[Sample]:
    """(at, value) of every sample that has the field."""
    return [(x.at, float(x.body["vitals"][field])) for x in samples if x.body["vitals"].get(field) is not None]


def runs(values: Sequence[Sample], gap_s: float = GAP_S) -> list[list[Sample]]:
    """The series cut wherever nothing was measured for longer than `gap_s`."""
    found: list[list[Sample]] = []
    for at, value in values:
        if not found or (at - found[-1][-1][0]).total_seconds() > gap_s:
            found.append([])
        found[-1].append((at, value))
    return found


def thinned(line: Sequence[tuple[float, float]], most: int = MOST_POINTS) -> list[tuple[float, float]]:
    """At most the lowest and highest of each pixel column, in order of x: no peak is lost."""
    if len(line) <= most:
        return list(line)
    columns: dict[int, list[tuple[float, float]]] = {}
    for x, y in line:
        columns.setdefault(round(x), []).append((x, y))
    kept: list[tuple[float, float]] = []
    for column in columns.values():
        ends = {min(column, key=lambda p: p[1]), max(column, key=lambda p: p[1])}
        kept += sorted(ends)
    return kept


def cuff_readings(samples: Iterable[Entry]) -> list[tuple[datetime, float, float]]:
    """(measured at, systolic, diastolic), each reading once, where the pressures come from a cuff."""
    found: dict[datetime, tuple[float, float]] = {}
    for entry in samples:
        vitals = entry.body["vitals"]
        if vitals.get("nibp_at") and vitals.get("sbp_mmhg") is not None and vitals.get("dbp_mmhg") is not None:
            found[datetime.fromisoformat(vitals["nibp_at"])] = (vitals["sbp_mmhg"], vitals["dbp_mmhg"])
    return [(at, sbp, dbp) for at, (sbp, dbp) in sorted(found.items())]


def late_spans(story: Story, samples: Sequence[Entry]) -> list[tuple[datetime, datetime]]:
    """From when to when samples were taken that reached the book late."""
    late = [(x.at, 1.0) for x in samples if story.late(x)]
    return [(run[0][0], run[-1][0]) for run in runs(late)]


def chart_vitals(story: Story, voice: Voice) -> Html | None:
    """The drawing on the timeline's own axis, or None when nothing was measured."""
    samples = story.samples()
    if not samples or story.zero is None or story.end is None:
        return None
    end = max(story.end, samples[-1].at + timedelta(seconds=1))
    axis = TimeAxis(story.zero, end, GUTTER, WIDTH - MARGIN)
    y, drawn = 34.0, []
    bottom = y + len(PANELS) * (PANEL + BETWEEN)
    drawn.append(_ground(story, voice, axis, samples, y, bottom))
    for panel in PANELS:
        drawn.append(_panel(voice, axis, panel, samples, y))
        y += PANEL + BETWEEN
    return tag(
        "svg", drawn, viewBox=f"0 0 {WIDTH:.0f} {bottom:.0f}", role="img", class_="vitals",
        aria_label=voice.say("report.vitals"),
    )  # fmt: skip


def _ground(
    story: Story, voice: Voice, axis: TimeAxis, samples: Sequence[Entry], top: float, bottom: float
) -> list[Html]:
    """Ticks, the moments of the case, and the time in which the link was down."""
    ticks = [tag("text", voice.plus(at), x=axis.x(at), y=14.0, class_="tick") for at in axis.ticks()]
    grid = "".join(f"M{axis.x(at):.1f} 20V{bottom:.0f}" for at in axis.ticks())
    shaded = [
        tag(
            "rect", tag("title", voice.say("report.link_down")), x=axis.x(start), y=top - 6,
            width=max(1.5, axis.x(end) - axis.x(start)), height=bottom - top, class_="late",
        )
        for start, end in late_spans(story, samples)
    ]  # fmt: skip
    times = story.case.times if story.case else {}
    marks = [(axis.x(times[name]), name) for name in GUIDES if name in times and axis.shows(times[name])]
    ends = [*marks[1:], (WIDTH, "")]
    guides = [_guide(voice, x, name, after, bottom) for (x, name), (after, _) in zip(marks, ends, strict=False)]
    return [tag("path", d=grid, class_="grid"), *ticks, *shaded, *guides]


def _guide(voice: Voice, x: float, name: str, after: float, bottom: float) -> Html:
    """A moment of the case; its word stands left of the line where the next line is too near."""
    text = voice.say(f"report.guide.{name}")
    near = x + 6 + width_em(text) * 11.5 > after
    line = tag("path", d=f"M{x:.1f} 20V{bottom:.0f}", class_="guide")
    return tag(
        "g", line, tag("text", text, x=x - 3 if near else x + 3, y=29.0, class_=f"guide{' end' if near else ''}")
    )


def _panel(voice: Voice, axis: TimeAxis, panel: Panel, samples: Sequence[Entry], top: float) -> Html:
    found = {field: series(samples, field) for field in panel.fields}
    low, high = _bounds(panel, [value for one in found.values() for _, value in one])

    def y(value: float) -> float:
        return top + PANEL - (value - low) / (high - low) * PANEL

    steps = [low + i * panel.step for i in range(int((high - low) / panel.step) + 1)]
    scale = [tag("text", number(v), x=GUTTER - 6, y=y(v) + 4, class_="value") for v in steps]
    lines = tag("path", d="".join(f"M{GUTTER:.0f} {y(v):.1f}H{WIDTH - MARGIN:.0f}" for v in steps), class_="grid")
    cuffs = cuff_readings(samples) if panel.fields[0] == "sbp_mmhg" else []
    curves = _cuffs(voice, axis, cuffs, y) if cuffs else [_curve(axis, name, found[name], y) for name in panel.fields]
    return tag(
        "g", lines, scale, _limits(panel, low, high, y), _names(voice, panel, found, top), curves,
        _latest(axis, found, cuffs[-1][0] if cuffs else None, y),
    )  # fmt: skip


def _bounds(panel: Panel, values: Sequence[float]) -> tuple[float, float]:
    low = min([panel.least[0], *values])
    high = max([panel.least[1], *values])
    return low // panel.step * panel.step, -(-high // panel.step) * panel.step


def _limits(panel: Panel, low: float, high: float, y: Callable[[float], float]) -> list[Html]:
    """Thin lines where the alarms of the table begin."""
    rules = [rule for rule in limits().alarms if rule.field in panel.fields and low < rule.limit < high]
    return [tag("path", d=f"M{GUTTER:.0f} {y(rule.limit):.1f}H{WIDTH - MARGIN:.0f}", class_="limit") for rule in rules]


def _names(voice: Voice, panel: Panel, found: dict[str, list[Sample]], top: float) -> list[Html]:
    """What is drawn, in what unit, from which lowest to which highest value."""
    drawn: list[Html] = []
    for row, field in enumerate(panel.fields):
        values = [value for _, value in found[field]]
        unit = voice.say(f"unit.{limits().fields[field].unit}")
        between = f"{number(min(values))}–{number(max(values))}" if values else NOTHING
        y = top + 16 + row * 40
        drawn.append(tag("text", voice.say(f"vital.{field}"), x=0, y=y, class_=f"lane {field}"))
        drawn.append(tag("text", f"{between} {unit}", x=0, y=y + 17, class_="who"))
    return drawn


def _curve(axis: TimeAxis, field: str, values: Sequence[Sample], y: Callable[[float], float]) -> list[Html]:
    drawn: list[Html] = []
    for run in runs(values):
        line = thinned([(axis.x(at), y(value)) for at, value in run])
        if len(line) == 1:
            drawn.append(tag("circle", cx=line[0][0], cy=line[0][1], r=1.8, class_=f"dot {field}"))
        else:
            drawn.append(tag("path", d=points(line), class_=f"curve {field}"))
    return drawn


def _cuffs(
    voice: Voice, axis: TimeAxis, readings: Sequence[tuple[datetime, float, float]], y: Callable[[float], float]
) -> list[Html]:
    """One stroke per reading from diastolic to systolic, an arrow at each end."""
    drawn: list[Html] = []
    for at, sbp, dbp in readings:
        x, up, down = axis.x(at), y(sbp), y(dbp)
        stroke = f"M{x:.1f} {up:.1f}V{down:.1f}m-4 4 4-4 4 4M{x - 4:.1f} {up - 4:.1f}l4 4 4-4"
        title = tag("title", voice.clock(at), " ", f"{sbp:.0f}/{dbp:.0f}")
        drawn.append(tag("path", title, d=stroke, class_="cuff"))
    return drawn


def _latest(
    axis: TimeAxis, found: dict[str, list[Sample]], measured_at: datetime | None, y: Callable[[float], float]
) -> list[Html]:
    """The last value beside the end of its curve, where its age can be seen."""
    return [
        tag(
            "text", number(values[-1][1]), x=axis.x(measured_at or values[-1][0]) + 8, y=y(values[-1][1]) + 4,
            class_=f"last {field}",
        )
        for field, values in found.items()
        if values
    ]  # fmt: skip
