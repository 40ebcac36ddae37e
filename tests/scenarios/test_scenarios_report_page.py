"""The page of the report: whole by itself, in both languages, and nothing from outside is anything but text."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from report_case import (
    COUNTY,
    DISPATCHER,
    DOOR,
    EXPECTED,
    SCENE,
    START,
    WARD,
    Case,
    at,
    expected,
    played,
    reported,
    roads,
)

from casebook import events as e
from casebook.capacity import AGE_LIMIT_S, CAPABILITIES
from casebook.log import Entry
from casebook.words import LANGUAGES, Language, catalogue
from hospital_board.teams import team_table
from scenarios.report_page import report_html
from scenarios.report_page.decision import ways_to
from scenarios.report_page.markup import VOID
from scenarios.report_page.triage import MARKS

EVIL = """<script>alert("x")</script><img src=x onerror='alert(1)'>&"'"""
SHUT = frozenset({"circle", "line", "path", "polyline", "rect", "use"})


class Page(HTMLParser):
    """The page as a parser sees it: its tags with their attributes, its text, and whether every tag is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert not self._open, f"never closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in SHUT, f"{tag} may not end in itself"
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open and self._open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return "\n".join(self.texts)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def of_class(self, word: str) -> Iterator[dict[str, str | None]]:
        return (attributes for _, attributes in self.tags if word in (attributes.get("class") or "").split())


@pytest.fixture(scope="module")
def entries() -> list[Entry]:
    return played()


@pytest.fixture(scope="module")
def source(entries: list[Entry]) -> str:
    return report_html(reported(entries), entries, roads(), "zh")


@pytest.fixture(scope="module")
def page(source: str) -> Page:
    return Page(source)


def test_the_page_needs_nothing_from_outside_and_runs_nothing(source: str, page: Page) -> None:
    assert "http://" not in source and "https://" not in source and "url(" not in source and "@import" not in source
    assert not {"script", "link", "img", "iframe", "object", "embed", "base", "form"} & {name for name, _ in page.tags}
    addresses = [a[name] for _, a in page.tags for name in ("href", "src", "action", "data") if name in a]
    assert addresses and all(address and address.startswith("#") for address in addresses)
    assert not [name for _, a in page.tags for name in a if name.startswith("on")]
    policy = next(a for a in page.named("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert policy["content"] == "default-src 'none'; style-src 'unsafe-inline'"


def test_every_name_in_the_page_stands_once_and_every_reference_finds_its_name(page: Page) -> None:
    names = [a["id"] for _, a in page.tags if "id" in a]
    assert len(names) == len(set(names))
    wanted = {str(a["href"])[1:] for _, a in page.tags if "href" in a}
    wanted |= {str(a[key]) for _, a in page.tags for key in ("for", "aria-labelledby") if key in a}
    assert wanted <= set(names)


@pytest.mark.parametrize("language", LANGUAGES)
def test_both_languages_are_inside_and_the_one_asked_for_is_shown(entries: list[Entry], language: Language) -> None:
    page = Page(report_html(reported(entries), entries, None, language))
    assert [a["lang"] for a in page.of_class("page")] == ["zh-CN", "en"]
    shown = [a["id"] for a in page.named("input") if "checked" in a]
    assert shown == [f"show-{language}"] and page.named("html")[0]["lang"] == {"zh": "zh-CN", "en": "en"}[language]
    for one in LANGUAGES:
        words = catalogue(one)
        sections = [key for key in words if key.startswith("report.section.")]
        assert len(sections) == 15 and not [key for key in sections if words[key] not in page.text]


def test_the_drill_mark_and_the_computation_of_the_minutes_stand_on_top(source: str, page: Page) -> None:
    assert "演练 DRILL" in page.text and "@top-right" in source
    assert "(d) 陆路 61.7 − (b) 实际 28.0 = 33.7 分钟" in page.text
    assert "(d) by road 61.7 − (b) actual 28.0 = 33.7 min" in page.text
    for minutes in ("13.5", "28.0", "22.0", "61.7"):
        assert minutes in page.texts


def test_minutes_that_were_lost_are_said_to_be_lost(entries: list[Entry]) -> None:
    page = Page(report_html(reported(entries, ground_s=1500.0), entries, None, "en"))
    assert "Minutes lost against the road" in page.text and "Minutes saved against the road" not in page.text
    assert "(d) by road 25.0 − (b) actual 28.0 = −3.0 min" in page.text


def test_minutes_that_cannot_be_computed_are_not_guessed(entries: list[Entry]) -> None:
    page = Page(report_html(reported(entries, ground_s=None), entries, None, "en"))
    assert "There was no run by road to compare with" in page.text


def test_expected_moments_stand_on_the_timeline_where_their_window_puts_them(page: Page) -> None:
    for told in ("✓ 09:35:00 要first data", "✓ 09:45:00 要meeting", "✓ 09:58:00 要door"):
        assert told in page.text


def test_who_was_closed_at_the_scene_is_settled_and_who_waits_is_not(page: Page) -> None:
    assert "4 of 5" in page.text and "C → –" not in page.text


def test_the_team_is_complete_on_the_timeline_when_its_last_member_is_ready(page: Page) -> None:
    assert "团队到齐" in page.text and "team complete" in page.text


def test_a_missed_moment_is_marked_as_missed(entries: list[Entry]) -> None:
    late = expected("door", "clocks_s.incident_to_door", at_most=600, source="x")
    page = Page(report_html(reported(entries, late), entries, None, "en"))
    assert "✗ 09:40:00 door" in page.text and "not met" in page.text


def test_every_rejected_way_stands_with_its_reasons_in_words(page: Page) -> None:
    for told in (
        "绕行封闭路段 G60（道路施工），多用 25.0 分钟", "慢 31.7 分钟",
        "任何医院", "to any hospital", "The 3 ways not taken (2 hospitals), and why",
        "附近没有可用的起降点", "缺少所需能力：创伤中心",
        "goes round the closure of G60 (road works), 25.0 min more", "lacks what is needed: trauma centre",
    ):  # fmt: skip
        assert told in page.text
    assert "rendezvous · predicted decision to door 23.0 min, actual 22.0 min (−1.0 min)" in "".join(page.texts)


@pytest.mark.parametrize("hospital", ["", "centre"])  # for all of them, and as older records have it
def test_the_air_lane_says_why_nobody_flew_whichever_way_it_was_recorded(hospital: str) -> None:
    by_air = {"hospital": hospital, "mode": "air", "eta_s": None, "reasons": [{"code": "no_landing_site"}]}
    made = {"hospital": "centre", "mode": "road", "eta_s": 900.0, "terms_s": {"drive": 900.0}, "rejected": [by_air]}
    road, air = ways_to(made)
    assert road["taken"] and (air["taken"], air["reasons"]) == (False, by_air["reasons"])


def test_a_gap_in_the_vital_signs_stays_a_gap(page: Page) -> None:
    drawn = [str(a["class"]).split()[0] for a in page.of_class("hr_bpm")]
    assert drawn.count("curve") == 2 * 2, "a run at the scene and one under way, in each language"
    assert drawn.count("dot") == 2 * 26, "in the air one came every 20 s: too far apart to be joined"
    assert len(list(page.of_class("cuff"))) == 2, (
        "one cuff reading, told by every sample, is one stroke in each language"
    )
    assert list(page.of_class("late")), "what was stored after the break of the link is shaded"


def test_a_closure_is_drawn_on_the_carriageway_that_it_shuts(entries: list[Entry], page: Page) -> None:
    (shut,) = [a for a in page.of_class("shut") if "closed" in str(a["class"])]
    one_way = roads()
    one_way["features"] = one_way["features"][1:]  # the carriageway toward Songjiang is not there
    without = Page(report_html(reported(entries), entries, one_way, "zh"))
    assert shut["d"] and not list(without.of_class("shut")) and list(without.of_class("area"))


def test_roads_out_of_the_picture_are_left_out_and_the_great_ones_are_numbered(source: str, page: Page) -> None:
    assert "A5" not in page.texts and "G60" in page.texts and "G320" in page.texts
    assert "© OpenStreetMap contributors, ODbL 1.0" in page.text
    assert max(len(line) for line in source.splitlines()) < 400_000


def test_without_roads_the_map_shows_what_was_recorded(entries: list[Entry]) -> None:
    page = Page(report_html(reported(entries), entries, None, "en"))
    assert "No road data: only what was recorded is drawn." in page.text
    assert [a for a in page.of_class("aboard") if a.get("d")] and "Scene" in page.texts


def test_every_casualty_has_colour_numeral_and_word(page: Page) -> None:
    colours = [str(a["class"]).split()[1] for a in page.of_class("triage")]
    assert {"red", "yellow", "green", "black", "none"} == set(colours)
    marks = (("I", "红 第一优先"), ("II", "黄 第二优先"), ("III", "绿 轻伤"), ("0", "黑 死亡"), ("?", "未分诊"))
    for numeral, word in marks:
        assert numeral in page.texts and word in page.texts


def test_the_triage_mark_is_the_one_of_the_screens() -> None:
    script = (Path(__file__).parents[2] / "casebook" / "browser" / "triage.js").read_text(encoding="utf-8")
    drawn = dict(re.findall(r"(\w+): \{ numeral: '(\w+)'", script))
    shapes = dict(re.findall(r"(\w+): \{ numeral: '\w+', shape: '([^']+)'", script))
    assert {name: mark[0] for name, mark in MARKS.items() if name != "none"} == drawn
    assert {name: mark[1] for name, mark in MARKS.items() if name != "none"} == shapes


async def _attack(case: Case) -> None:
    """A short log in which everything that a person can type is an attack."""
    await case.say(0, e.HospitalEnrolled(COUNTY, EVIL, EVIL, DOOR, (EVIL,)), e.DrillStarted("x", 1, 1.0, EVIL))
    await case.say(1, e.UnitEnrolled("A01", "ambulance", EVIL, EVIL, EVIL, SCENE))
    await case.say(2, e.IncidentOpened("I1", SCENE, EVIL, 1, EVIL, EVIL, START), e.RoadClosed(EVIL, EVIL, ref=EVIL))
    await case.say(3, e.UnitAssigned("A01", "I1"), e.UnitEnRoute("A01"), e.UnitOnScene("A01"))
    await case.say(4, e.CasualtyFound("I1-A", "I1", EVIL, 42, EVIL))
    option = e.Option(COUNTY, EVIL, 600.0, {EVIL: 600.0}, rendezvous=EVIL, reasons=(e.Reason(EVIL, {EVIL: EVIL}),))
    rejected = e.Rejection(COUNTY, "road", 700.0, (e.Reason("closed", {"resource": EVIL, "reason": EVIL}),))
    await case.say(5, e.DestinationChosen("I1-A", option, (rejected,), EVIL), e.PrealertSent("I1-A", COUNTY, at(60)))
    await case.say(6, e.MessageSent("M1", "I1-A", EVIL, EVIL, order=True), e.MessageRead("M1", EVIL, EVIL), by=WARD)
    await case.say(7, e.BayAssigned("I1-A", COUNTY, EVIL), e.TaskOpened("T1", "I1", EVIL, EVIL, at(60), EVIL))
    await case.say(8, e.TaskApproved("T1", EVIL), e.AgencyLinked("I1", EVIL), by=DISPATCHER)
    await case.say(9, e.RowRefused("A01", EVIL, {}, EVIL, EVIL), e.AlertUndelivered(EVIL, EVIL, EVIL))


def test_nothing_from_outside_becomes_anything_but_text() -> None:
    case = Case(EVIL)
    asyncio.run(case.clock.run(_attack(case)))
    entries = list(case.book.log.read())
    report: dict[str, Any] = reported(entries, expected(EVIL, "decision.hospital", equals=EVIL, source=EVIL))
    report |= {"title": {"zh": EVIL, "en": EVIL}, "severe": EVIL, "assumptions": [{"zh": EVIL, "en": EVIL}]}
    report["steps"]["refused"] = [{"step": 1, "ask": EVIL, "error": EVIL, "why": EVIL}]
    report["waves"] = {EVIL: 1}
    evil_roads = roads()
    evil_roads["attribution"] = EVIL
    evil_roads["features"][0]["properties"] |= {"ref": EVIL, "highway": "motorway"}
    page = Page(report_html(report, entries, evil_roads, "zh"))
    assert not {"script", "img"} & {name for name, _ in page.tags}
    assert not [name for _, a in page.tags for name in a if name.startswith("on")]
    assert page.text.count(EVIL) > 20 and page.named("title")


def test_the_same_log_gives_the_same_bytes(entries: list[Entry], source: str) -> None:
    assert report_html(reported(entries), entries, roads(), "zh") == source
    assert report_html(reported(played()), played(), roads(), "zh") == source


@pytest.mark.parametrize("share", [0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95])
def test_a_log_that_ends_anywhere_gives_a_whole_page(entries: list[Entry], share: float) -> None:
    cut = entries[: round(share * len(entries))]
    page = Page(report_html(reported(cut), cut, roads(), "en"))
    assert len(list(page.of_class("page"))) == 2


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_fact_and_every_word_of_the_decision_has_its_sentence(language: Language) -> None:
    words = catalogue(language)
    keys = [f"report.fact.{kind}" for kind in e.FACTS]
    keys += [f"report.capability.{one}" for one in CAPABILITIES] + [f"report.resource.{one}" for one in AGE_LIMIT_S]
    keys += [f"report.team.{team}" for team in team_table().teams] + [
        f"report.colour.{one}" for one in MARKS if one != "none"
    ]
    assert not [key for key in keys if key not in words]


def test_all_expectations_of_the_case_are_told(page: Page) -> None:
    for one in EXPECTED:
        assert one.name["zh"] in page.texts and one.name["en"] in page.texts
