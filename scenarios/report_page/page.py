"""Put the after-action report together: one file, both languages inside, no script, no request to anywhere.

The switch of languages is a pair of radio buttons that the style sheet looks at; printing prints the language chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from casebook.clock import SHANGHAI
from casebook.log import Entry
from casebook.words import LANGUAGES, Language
from scenarios.report_page.chart_map import chart_map
from scenarios.report_page.chart_vitals import chart_vitals
from scenarios.report_page.decision import decision
from scenarios.report_page.headline import headline
from scenarios.report_page.map_ground import Ground, ground_drawn, ground_of
from scenarios.report_page.markup import Html, join, tag
from scenarios.report_page.proof import assumptions, chronicle, expectations, ledger, log_head, orders, refused
from scenarios.report_page.story import Story
from scenarios.report_page.tables import casualties, exercise, intervals, readiness
from scenarios.report_page.timeline import legend, timeline
from scenarios.report_page.voice import Voice

STYLE = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")
HTML_LANG: dict[Language, str] = {"zh": "zh-CN", "en": "en"}
NOTHING_FROM_OUTSIDE = "default-src 'none'; style-src 'unsafe-inline'"
Section = Callable[[Story, Voice], Html]


def report_html(
    report: Mapping[str, Any], entries: Sequence[Entry], roads_geojson: Mapping[str, Any] | None, language: Language
) -> str:
    """The whole page. `report` is scenarios/report.py's, `entries` the log it was made from, `language` shown first.

    `roads_geojson`: lines in WGS-84 with `highway` and `ref` (Roadmap.as_geojson); None draws the map without roads.
    The same input gives the same bytes.
    """
    story = Story.of(report, entries)
    ground = ground_of(story, roads_geojson)
    lines = tag("svg", tag("defs", ground_drawn(ground)), class_="store", aria_hidden="true") if ground else None
    voices = [Voice(one, story.zero) for one in LANGUAGES]
    switch = [_switch(voice, chosen=voice.language == language) for voice in voices]
    bodies = [_body(story, voice, roads_geojson, ground) for voice in voices]
    body = tag("body", lines, tag("main", switch, bodies))
    title = report["title"].get(language) or report["scenario"]
    mark = Voice(language, story.zero).say("drill.mark")
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=NOTHING_FROM_OUTSIDE),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", f"{mark} · {title}"),
        Html(f"<style>{STYLE}{_on_every_sheet(mark)}</style>"),
    )
    return f"<!doctype html>\n{tag('html', head, body, lang=HTML_LANG[language])}\n"


def _on_every_sheet(mark: str) -> str:
    """Paper: the mark of a drill and the page's number on every sheet."""
    number = '@bottom-right { content: counter(page) " / " counter(pages); }'
    return f'@page {{ @top-right {{ content: "{mark}"; }} {number} }}\n'


def _switch(voice: Voice, *, chosen: bool) -> Html:
    """The radio button that stands for a language; its label is in the bar of each language's page."""
    return tag(
        "input", type="radio", name="language", id=f"show-{voice.language}", checked=chosen, class_="switch",
        aria_label=voice.say("report.language"),
    )  # fmt: skip


def _body(story: Story, voice: Voice, roads: Mapping[str, Any] | None, ground: Ground | None) -> Html:
    """The page in one language."""
    sections: list[tuple[str, Html | None]] = [
        ("timeline", _timeline(story, voice)),
        ("map", _map(story, voice, roads, ground)),
        ("vitals", _vitals(story, voice)),
        ("decision", decision(story, voice)),
        ("casualties", casualties(story, voice)),
        ("readiness", readiness(story, voice)),
        ("intervals", intervals(story, voice)),
        ("yardstick", exercise(story, voice)),
        ("orders", orders(story, voice)),
        ("ledger", ledger(story, voice)),
        ("expectations", expectations(story, voice)),
        ("refused", refused(story, voice)),
        ("assumptions", assumptions(story, voice)),
        ("log", log_head(story, voice)),
        ("chronicle", chronicle(story, voice)),
    ]
    told = [(name, content) for name, content in sections if content is not None]
    return tag(
        "div",
        _bar(voice),
        tag(
            "article",
            _title(story, voice),
            headline(story, voice),
            _contents(voice, [name for name, _ in told]),
            [_section(voice, name, content) for name, content in told],
        ),
        tag("footer", voice.say("drill.mark"), " · ", voice.say("report.footer"), _attribution(roads)),
        lang=HTML_LANG[voice.language],
        class_=f"page {voice.language}",
    )


def _bar(voice: Voice) -> Html:
    other = "en" if voice.language == "zh" else "zh"
    label = tag("label", voice.say("language.other"), for_=f"show-{other}", lang=HTML_LANG[other])
    return tag(
        "div",
        tag("span", voice.say("drill.mark"), class_="drill"),
        voice.say("report.drill_note"),
        label,
        class_="topbar",
    )


def _title(story: Story, voice: Voice) -> Html:
    report = story.report
    starts_at = datetime.fromisoformat(report["starts_at"]).astimezone(SHANGHAI)
    drill = story.picture.drill
    about = [
        voice.say("report.played", date=starts_at.strftime("%Y-%m-%d"), clock=starts_at.strftime("%H:%M")),
        voice.say("report.zone"),
        voice.say("report.scenario", id=report["scenario"]),
        voice.say("report.region", id=drill.region) if drill else None,
        voice.say("report.seed_rate", seed=report["seed"], rate=f"{report['rate']:g}"),
    ]
    summary = story.call.body["summary"] if story.call else None
    return tag(
        "header",
        tag("p", voice.say("report.kind"), class_="over"),
        tag("h1", report["title"].get(voice.language) or report["scenario"]),
        tag("p", summary, class_="summary") if summary else None,
        tag("p", " · ".join(one for one in about if one), class_="quiet"),
    )


def _contents(voice: Voice, names: Sequence[str]) -> Html:
    links = [
        tag("li", tag("a", voice.say(f"report.section.{name}"), href=f"#{voice.language}-{name}")) for name in names
    ]
    return tag("nav", tag("ol", links), aria_label=voice.say("report.contents"), class_="contents")


def _section(voice: Voice, name: str, content: Html) -> Html:
    id = f"{voice.language}-{name}"
    heading = tag("h2", voice.say(f"report.section.{name}"), id=f"{id}-title")
    return tag("section", heading, content, id=id, aria_labelledby=f"{id}-title", class_=f"s-{name}")


def _timeline(story: Story, voice: Voice) -> Html | None:
    drawing = timeline(story, voice)
    return tag("div", tag("div", drawing, class_="figure", tabindex=0), legend(voice)) if drawing else None


def _map(story: Story, voice: Voice, roads: Mapping[str, Any] | None, ground: Ground | None) -> Html | None:
    if ground is None:
        return None
    note = None if roads else tag("p", voice.say("report.map.no_roads"), class_="note")
    keys = ("road", "air", "aboard", "closed", "slowed", "scene", "site", "hospital")
    legend_ = [[tag("span", "", class_=f"key {key}"), voice.say(f"report.map.key.{key}"), " "] for key in keys]
    drawing = tag("div", chart_map(story, voice, ground), class_="figure", tabindex=0)
    return tag("div", drawing, tag("p", legend_, class_="legend"), note)


def _vitals(story: Story, voice: Voice) -> Html | None:
    drawing = chart_vitals(story, voice)
    if drawing is None:
        return tag("p", voice.say("report.no_vitals"), class_="note")
    return tag(
        "div",
        tag("div", drawing, class_="figure", tabindex=0),
        tag("p", voice.say("report.vitals.note"), class_="note"),
    )


def _attribution(roads: Mapping[str, Any] | None) -> Html | None:
    text = (roads or {}).get("attribution")
    return join(" · ", str(text)) if text else None
