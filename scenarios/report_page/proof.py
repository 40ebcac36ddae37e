"""What the drill proves and on what it rests: ledger, expectations, orders, refused steps, assumptions, chronicle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from scenarios.report_page.headline import verdict
from scenarios.report_page.markup import Html, tag
from scenarios.report_page.story import STREAMING, Story, grouped
from scenarios.report_page.tables import instant, table
from scenarios.report_page.voice import NOTHING, Voice

LEDGER = ("sampled", "stored", "shown", "late", "lost")


# --- the ledger


def ledger(story: Story, voice: Voice) -> Html:
    return tag("div", _vitals_ledger(story, voice), _media_ledger(story, voice), class_="two")


def _vitals_ledger(story: Story, voice: Voice) -> Html:
    vitals = story.report["vitals"]
    most = max([1, *(vitals[name] or 0 for name in LEDGER)])
    rows = []
    for name in LEDGER:
        count = vitals[name]
        share = 100 * max(0, count or 0) / most
        bar = tag("span", "", class_=f"bar {name}", style=f"width:{share:.1f}%") if share else None
        mark = verdict(voice, count == 0) if name == "lost" else None
        head = tag("th", voice.say(f"report.ledger.{name}"), scope="row")
        rows.append(
            tag("tr", head, tag("td", _count(count), " ", mark, class_="number"), tag("td", bar, class_="bars"))
        )
    behind = sum(story.late(x) for x in story.entries if x.kind == "vitals_recorded")
    note = voice.say("report.ledger.behind", n=behind) if behind else voice.say("report.ledger.never_behind")
    delay = voice.say("report.ledger.delay", **_both(vitals.get("delay_ms")))
    title = voice.say("report.ledger.vitals")
    return tag("div", tag("h3", title), tag("table", tag("tbody", rows), class_="ledger"),
               tag("p", delay), tag("p", note, class_="note"))  # fmt: skip


def _media_ledger(story: Story, voice: Voice) -> Html:
    video, waves = story.report["video"], story.report.get("waves") or {}
    lines = [(voice.say(f"report.ledger.{name}"), _count(video[name])) for name in ("frames_sent", "frames_shown")]
    latency = _both(video.get("latency_ms"))
    lines.append((voice.say("report.ledger.latency"), voice.say("report.ledger.p50_p99", **latency)))
    lines += [(voice.say("report.ledger.waves", name=name), _count(count)) for name, count in waves.items()]
    rows = [tag("tr", tag("th", name, scope="row"), tag("td", value, class_="number")) for name, value in lines]
    title = voice.say("report.ledger.media")
    return tag("div", tag("h3", title), tag("table", tag("tbody", rows), class_="ledger"))


def _count(value: Any) -> str:
    return NOTHING if value is None else f"{value:,}" if isinstance(value, int) else str(value)


def _both(percentiles: Mapping[str, float | None] | None) -> dict[str, str]:
    """p50 and p99 in whole milliseconds."""
    found = percentiles or {}
    return {name: NOTHING if found.get(name) is None else f"{found[name]:.0f}" for name in ("p50", "p99")}


# --- expectations


def expectations(story: Story, voice: Voice) -> Html:
    lines = story.report["expectations"]
    if not lines:
        return tag("p", voice.say("report.no_expectations"), class_="note")
    head = [voice.say(f"report.head.{name}") for name in ("verdict", "expectation", "expected", "actual", "source")]
    return table(head, [_expectation(story, voice, one) for one in lines], "expectations")


def _expectation(story: Story, voice: Voice, one: Mapping[str, Any]) -> Html:
    name = one["name_zh" if voice.language == "zh" else "name"]
    word = voice.say("report.passed" if one["passed"] else "report.failed")
    mark = tag("td", verdict(voice, one["passed"]), " ", tag("span", word, aria_hidden="true"))
    return tag(
        "tr", mark, tag("th", name, scope="row"), tag("td", _bound(story, voice, one)),
        tag("td", _value(story, voice, one, one["actual"])),
        tag("td", one.get("source") or NOTHING, class_="quiet"), class_=None if one["passed"] else "failed",
    )  # fmt: skip


def _bound(story: Story, voice: Voice, one: Mapping[str, Any]) -> str:
    bounds = one["expected"]
    told = {name: _value(story, voice, one, bounds[name], bound=True) for name in bounds}
    return voice.listed([voice.say(f"report.bound.{name}", value=value) for name, value in told.items()])


def _value(story: Story, voice: Voice, one: Mapping[str, Any], value: Any, *, bound: bool = False) -> str:
    """A report's value as people say it, ids as names."""
    path = str(one["value"])
    match path.rsplit(".", 1)[-1] if value is not None else "":
        case "hospital":
            return story.hospital_name(voice, str(value))
        case "mode":
            return voice.word("report.way", value)
        case "rendezvous":
            return story.site_name(voice, str(value))
        case _:
            return voice.measured(path, value, bound=bound)


# --- orders


def orders(story: Story, voice: Voice) -> Html:
    """What was said between hospital, dispatch and crew, and whether it arrived."""
    messages = list(story.picture.messages.values())
    if not messages:
        return tag("p", voice.say("report.no_messages"), class_="note")
    rows = []
    for one in messages:
        kind = voice.say("report.order" if one.order else "report.message")
        after = (one.read_at - one.at).total_seconds() if one.read_at else None
        read = [voice.span(after)] if after is not None else [tag("span", voice.say("report.unread"), class_="bad")]
        owed = one.order and not one.read_back
        back = tag("span", voice.say("report.no_read_back"), class_="bad") if owed else one.read_back or NOTHING
        sender = story.hospital_name(voice, one.sender) if one.sender in story.picture.hospitals else one.sender
        rows.append(tag("tr", instant(voice, one.at), tag("td", story.label(one.casualty)), tag("td", kind),
                        tag("td", sender), tag("td", one.text), tag("td", read), tag("td", back)))  # fmt: skip
    names = ("when", "casualty", "kind", "sender", "text", "read_after", "read_back")
    return table([voice.say(f"report.head.{name}") for name in names], rows, "orders")


# --- what the drill rests on


def refused(story: Story, voice: Voice) -> Html:
    steps = story.report["steps"]
    played = tag("p", voice.say("report.steps_played", n=steps["played"]))
    if not steps["refused"]:
        return tag("div", played, tag("p", voice.say("report.none_refused"), class_="note"))
    head = [voice.say(f"report.head.{name}") for name in ("step", "ask", "why")]
    cells = [(one["step"], one["ask"] or NOTHING, one["why"] or one["error"]) for one in steps["refused"]]
    rows = [tag("tr", tag("th", step, scope="row"), tag("td", ask), tag("td", why)) for step, ask, why in cells]
    return tag("div", played, table(head, rows, "refused"))


def assumptions(story: Story, voice: Voice) -> Html:
    stated = [one[voice.language] for one in story.report["assumptions"]]
    if not stated:
        return tag("p", voice.say("report.no_assumptions"), class_="note")
    return tag("ol", [tag("li", one) for one in stated])


def log_head(story: Story, voice: Voice) -> Html:
    log = story.report["log"]
    rows = [
        ("events", f"{log['events']:,}"), ("head", log["head"]), ("decided", log.get("decided", "")),
        ("seed", str(story.report["seed"])), ("rate", f"{story.report['rate']:g}×"),
    ]  # fmt: skip
    lines = [[tag("dt", voice.say(f"report.log.{name}")), tag("dd", value)] for name, value in rows]
    return tag("div", tag("dl", lines, class_="terms mono"),
               tag("p", voice.say("report.log.check"), class_="note"))  # fmt: skip


# --- the chronicle


def chronicle(story: Story, voice: Voice) -> Html:
    """Every fact since the call with its line in the log; what streams is only counted."""
    rows = []
    for group in grouped(story, story.facts):
        subject = voice.listed(list(dict.fromkeys(filter(None, (story.subject(voice, x) for x in group)))))
        numbers = ", ".join(f"#{fact.seq}" for fact in group)
        who = voice.listed(list(dict.fromkeys(story.author(voice, fact.by) for fact in group)))
        rows.append(
            tag(
                "tr", instant(voice, group[0].at), tag("td", subject), tag("td", story.phrase(voice, group)),
                tag("td", who, class_="quiet"), tag("td", numbers, class_="quiet number"),
            )
        )  # fmt: skip
    counts = Counter(entry.kind for entry in story.entries)
    streamed = voice.say("report.streamed", **{name: counts[name] for name in STREAMING})
    head = [voice.say(f"report.head.{name}") for name in ("when", "about", "fact", "by", "entry")]
    return tag("div", table(head, rows, "chronicle"), tag("p", streamed, class_="note"))
