"""Tables of people and times: every casualty, every vehicle's intervals, the receiving end, the yardstick."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from scenarios.report_intervals import HELICOPTER, INTERVALS, yardstick
from scenarios.report_page.headline import verdict
from scenarios.report_page.markup import Child, Html, tag
from scenarios.report_page.story import Story
from scenarios.report_page.triage import triage_mark
from scenarios.report_page.voice import NOTHING, Voice

CASUALTY_TIMES = (
    "casualty_found", "casualty_triaged", "destination_chosen", "casualty_boarded", "casualty_arrived",
    "handover_completed",
)  # fmt: skip
READINESS = ("prealert_acknowledged", "bay_assigned", "team_activated", "team_complete", "casualty_arrived")
LEVELS = ("scene", "region", "hospital")


def table(head: Sequence[Child], rows: Sequence[Child], class_: str = "", caption: str = "") -> Html:
    """A table with its head; the first cell of a row is the caller's."""
    cells = [tag("th", one, scope="col") for one in head]
    title = tag("caption", caption) if caption else None
    inside = tag("table", title, tag("thead", tag("tr", cells)), tag("tbody", rows), class_=class_ or None)
    return tag("div", inside, class_="wide", tabindex=0)


def instant(voice: Voice, at: datetime | str | None) -> Html:
    """Clock and T+, one under the other; a dash where it never came."""
    if at is None:
        return tag("td", NOTHING, class_="none", title=voice.say("report.never"))
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return tag("td", tag("span", voice.clock(moment)), tag("small", voice.plus(moment)), class_="instant")


# --- casualties


def casualties(story: Story, voice: Voice) -> Html:
    head = [voice.say(f"report.head.{name}") for name in ("casualty", "triage", "destination", "way", "unit")]
    head += [voice.say(f"report.head.{name}") for name in CASUALTY_TIMES]
    rows = [_casualty(story, voice, one) for one in story.report["casualties"]]
    return table(head, rows, "casualties") if rows else tag("p", voice.say("report.nobody_found"), class_="note")


def _casualty(story: Story, voice: Voice, line: Mapping[str, Any]) -> Html:
    state = story.picture.casualties.get(line["casualty"])
    about = [voice.say("report.years", n=f"{state.age_years:g}")] if state and state.age_years is not None else []
    about += [voice.word("report.sex", state.sex)] if state and state.sex else []
    severe = tag("b", voice.say("report.lane.severe")) if line["casualty"] == story.severe else None
    name = tag("th", line["label"], tag("small", voice.listed(about)), severe, scope="row")
    carriers = [story.unit_name(voice, m.unit) for m in story.missions if line["casualty"] in m.carried]
    mode = voice.word("report.way", line["mode"]) if line["mode"] else NOTHING
    place = story.hospital_name(voice, line["hospital"])
    bay = tag("small", voice.say("report.bay", bay=line["bay"])) if line.get("bay") else None
    return tag(
        "tr", name, tag("td", triage_mark(voice, line["category"])), tag("td", place, bay), tag("td", mode),
        tag("td", " → ".join(carriers) or NOTHING), [instant(voice, line["times"].get(t)) for t in CASUALTY_TIMES],
    )  # fmt: skip


# --- vehicles


def intervals(story: Story, voice: Voice) -> Html:
    """Minutes per interval and mission. Limits hold for ambulances: each on its own, or their mean."""
    rules = {one["interval"]: one for one in yardstick()["intervals"]}
    lines = story.report.get("intervals", ())
    ground = [one for one in lines if one["kind"] != HELICOPTER]
    head: list[Child] = [voice.say("report.head.unit")]
    for name in INTERVALS:
        rule = rules.get(name)
        limit = voice.say(f"report.limit_of.{rule['of']}", limit=voice.limit(rule["limit_s"])) if rule else None
        head.append([voice.say(f"report.interval.{name}"), tag("small", limit) if limit else None])
    rows = []
    for line in lines:
        held = {n: r["limit_s"] for n, r in rules.items() if r["of"] == "each" and line in ground}
        cells = [_interval(voice, line["intervals_s"][name], held.get(name)) for name in INTERVALS]
        rows.append(tag("tr", tag("th", story.unit_name(voice, line["unit"]), scope="row"), cells))
    held = {n: r["limit_s"] for n, r in rules.items() if r["of"] == "mean"}
    means = [_interval(voice, _mean([one["intervals_s"][n] for one in ground]), held.get(n)) for n in INTERVALS]
    rows.append(tag("tr", tag("th", voice.say("report.mean"), scope="row"), means, class_="mean"))
    terms = [[tag("dt", voice.say(f"report.interval.{n}")), tag("dd", voice.say(f"report.interval.{n}.means"))]
             for n in INTERVALS]  # fmt: skip
    return tag(
        "div", table(head, rows, "intervals"), tag("dl", terms, class_="terms pairs"), _sources(voice, "intervals")
    )


def _mean(spans: Sequence[float | None]) -> float | None:
    known = [span_s for span_s in spans if span_s is not None]
    return sum(known) / len(known) if known else None


def _interval(voice: Voice, span_s: float | None, limit_s: float | None) -> Html:
    if span_s is None:
        return tag("td", NOTHING, class_="none")
    mark = verdict(voice, span_s <= limit_s) if limit_s is not None else None
    return tag("td", voice.minutes(span_s), " ", mark)


def _sources(voice: Voice, name: str) -> Html:
    """Where the limits are from, as the table states it."""
    rules = yardstick()
    used = dict.fromkeys(one["source"] for one in rules[name])
    texts = [rules["sources"][one]["text"][voice.language] for one in used]
    return tag("p", voice.say("report.sources"), voice.listed(texts), class_="quiet")


# --- the receiving end


def readiness(story: Story, voice: Voice) -> Html:
    """What the hospital of the severe casualty did with its warning time, counted from the pre-alert."""
    moments: Mapping[str, float] = story.report.get("moments_s", {})
    sent = moments.get("prealert_sent")
    limits = {one["to"]: one["limit_s"] for one in yardstick()["readiness"]}
    rows = []
    for name in READINESS:
        span_s = moments[name] - sent if sent is not None and name in moments else None
        limit = limits.get(name)
        passed = None if limit is None else verdict(voice, span_s is not None and span_s <= limit)
        wanted = voice.say("report.at_most_span", span=voice.limit(limit)) if limit is not None else None
        at = story.case.times.get(name) if story.case else None
        rows.append(tag("tr", tag("th", voice.say(f"report.ready.{name}"), scope="row"), instant(voice, at),
                        tag("td", voice.span(span_s), class_="number"), tag("td", passed, " ", wanted)))  # fmt: skip
    head = [voice.say(f"report.head.{name}") for name in ("step", "when", "after_prealert", "limit")]
    return table(head, rows, "readiness")


# --- the yardstick


def exercise(story: Story, voice: Voice) -> Html:
    lines = story.report.get("yardstick", ())
    rows: list[Child] = []
    for level in LEVELS:
        mine = [one for one in lines if one["level"] == level]
        if mine:
            title = tag("th", voice.say(f"report.level.{level}"), colspan=5, scope="colgroup", class_="level")
            rows += [tag("tr", title), *(_item(voice, one) for one in mine)]
    head = [voice.say(f"report.head.{name}") for name in ("item", "counted", "when", "took", "standard")]
    missing = [voice.say(f"report.unmeasured.{name}") for name in yardstick()["not_measured"]]
    return tag(
        "div", table(head, rows, "yardstick"),
        tag("p", voice.say("report.not_measured"), voice.listed(missing), class_="note"),
        _sources(voice, "measured"),
    )  # fmt: skip


def _item(voice: Voice, one: Mapping[str, Any]) -> Html:
    counted = voice.say(
        "report.from_to", start=voice.say(f"report.moment.{one['from']}"), end=voice.say(f"report.moment.{one['to']}")
    )
    standard = voice.say("report.at_most_span", span=voice.limit(one["limit_s"]))
    return tag(
        "tr", tag("th", voice.say(f"report.item.{one['item']}"), scope="row"), tag("td", counted),
        instant(voice, one["at"]), tag("td", voice.span(one["actual_s"]), class_="number"),
        tag("td", verdict(voice, one["passed"]), " ", standard),
    )  # fmt: skip
