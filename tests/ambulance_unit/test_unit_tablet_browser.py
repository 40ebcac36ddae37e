"""The tablet in a real Chromium, fed by a real vehicle: made for gloves and jolts, few taps, no hub needed."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from chromium_pages import page_of
from msgspec import structs
from playwright.async_api import Page, expect
from unit_fakes import SteadyMonitor, until
from unit_stage import Stage
from unit_story import BASE, BY_ROAD, DECISION, ELSEWHERE, OPTION, SCENE, SITE, WARD, leg

from ambulance_unit import hub_link
from ambulance_unit.picture_quality import Quality, QualityWatch
from casebook import events as e
from casebook.screens import browser_libraries
from casebook.vitals import Vitals
from casebook.words import Language, say

pytestmark = [pytest.mark.browser, pytest.mark.sockets]

TARGET_PX, PRIMARY_PX, SECONDARY_PX = 76, 32, 24  # Android for Cars: touch target, primary and secondary text
PAGES = ["mission", "casualties", "vitals", "destination", "messages"]
# What can be touched and is in view, with its box; text nodes with their size; whatever sticks out sideways.
TARGETS = """() => [...document.querySelectorAll('button, summary, input, a')].map((b) => {
  const r = b.getBoundingClientRect();
  const top = document.elementFromPoint(r.x + r.width / 2, r.y + r.height / 2);
  const seen = r.width > 0 && (top === b || b.contains(top));
  return { text: b.textContent || b.ariaLabel, w: r.width, h: r.height, x: r.x, y: r.y, seen };
}).filter((b) => b.w > 0)"""
TEXTS = """() => { const found = []; const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) { const node = walk.currentNode; const box = node.parentElement;
    if (!node.data.trim() || box.closest('style, script, svg, .unseen')) continue;
    const look = getComputedStyle(box);
    found.push({ text: node.data.trim(), px: parseFloat(look.fontSize), animated: look.animationName }); }
  return found; }"""
SIDEWAYS = """() => [...document.querySelectorAll('.scroll, .sheet, .rail, .top, .next, .number, .card, .row')]
  .filter((box) => box.scrollWidth > box.clientWidth + 2)
  .map((box) => box.className + ': ' + box.textContent.slice(0, 60))"""
LAMPS = """all => all.map((alarm) => [alarm.className, getComputedStyle(alarm.querySelector('.lamp')).animationDuration,
  alarm.innerText.trim().split(' ')[0]])"""


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    monkeypatch.setattr(hub_link, "PAUSE_S", 0.01)
    monkeypatch.setattr(hub_link, "PAUSE_S_MAX", 0.05)
    async with Stage(tmp_path).running() as stage:
        yield stage


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with page_of(1280, 800) as opened:
        opened.set_default_timeout(15_000)
        yield opened


async def show(stage: Stage, page: Page, language: Language = "en") -> None:
    await page.goto(f"{stage.url}/tablet?lang={language}#{stage.token}")
    await page.wait_for_selector(".rail")


async def seen(page: Page, words: str) -> None:
    await page.wait_for_function("(words) => document.body.innerText.includes(words)", arg=words)


async def at_the_scene(stage: Stage) -> None:
    """Assigned, driven there, standing at the scene."""
    await stage.assigned()
    await until(lambda: "incident" in stage.agent.view)
    await stage.ask("en_route")
    await until(lambda: stage.agent.view["unit"]["duty"] == "on_scene")


async def with_the_patient(stage: Stage) -> None:
    """Casualty A found, tagged and on the monitor; the decision made, the ward at work, an order waiting."""
    await at_the_scene(stage)
    await stage.ask("found_casualty", label="A", age_years=41, sex="m")
    await stage.ask("at_patient", casualty="I1-A")
    await stage.ask("triage", casualty="I1-A", method="manual", category="red")
    await stage.ask("findings", casualty="I1-A", concern="失血性休克", ask=["创伤团队"], injuries=["骨盆"])
    await until(lambda: stage.book.picture.casualties["I1-A"].findings is not None)
    now = stage.clock.now()
    await stage.hub(e.DestinationProposed("I1-A", DECISION), e.DestinationChosen("I1-A", OPTION, (BY_ROAD, ELSEWHERE)))
    await stage.hub(e.LegGiven("A01", "rendezvous", leg(SITE, SCENE, 300)))
    await stage.hub(e.UnitAssigned("H01", "I1", "rendezvous", leg(SITE, BASE, 200, "air")), e.UnitEnRoute("H01"))
    await stage.hub(e.PrealertSent("I1-A", "sgh", now + timedelta(seconds=60), now + timedelta(seconds=1680), 1))
    await stage.hub(e.PrealertAcknowledged("I1-A", "sgh", "王医生"), e.BayAssigned("I1-A", "sgh", "R2"))
    await stage.hub(e.TeamActivated("I1-A", "sgh", "trauma", 1, ("surgeon", "ct")))
    await stage.hub(e.MessageSent("m1", "I1-A", "王医生", "氨甲环酸 1 g IV", order=True))
    await until(lambda: "m1" in stage.agent.view["casualties"]["I1-A"].get("messages", {}))


async def handing_over(stage: Stage) -> None:
    await with_the_patient(stage)
    for name, more in (
        ("board", {"casualty": "I1-A"}),
        ("left_scene", {}),
        ("at_landing_site", {}),
        ("left_scene", {}),
    ):
        assert (await stage.ask(name, **more)).status_code == 200
    await stage.ask("at_destination")
    assert (await stage.ask("arrived", casualty="I1-A")).status_code == 200


async def open_page(page: Page, name: str) -> None:
    await page.click(f".pages button >> nth={PAGES.index(name)}")


async def check_glass(page: Page, where: str) -> None:
    """Targets big and apart, text legible and still, nothing cut off sideways."""
    targets = [one for one in await page.evaluate(TARGETS) if one["seen"]]
    assert targets, where
    small = [one for one in targets if one["w"] < TARGET_PX - 0.5 or one["h"] < TARGET_PX - 0.5]
    assert small == [], where
    assert [(a["text"], b["text"]) for n, a in enumerate(targets) for b in targets[n + 1 :] if overlap(a, b)] == [], (
        where
    )
    texts = await page.evaluate(TEXTS)
    assert [one for one in texts if one["px"] < SECONDARY_PX] == [], where
    assert [one for one in texts if one["animated"] != "none"] == [], where
    assert await page.evaluate(SIDEWAYS) == [], where


def overlap(a: dict[str, Any], b: dict[str, Any]) -> bool:
    apart = a["x"] + a["w"] <= b["x"] + 0.5 or b["x"] + b["w"] <= a["x"] + 0.5
    return not (apart or a["y"] + a["h"] <= b["y"] + 0.5 or b["y"] + b["h"] <= a["y"] + 0.5)


async def aboard(stage: Stage) -> None:
    """The patient is carried; one hospital that was not taken is closed."""
    await with_the_patient(stage)
    await stage.hub(e.ServiceClosed("jsh", "*", "CT 维修"))
    for name, more in (("board", {"casualty": "I1-A"}), ("left_scene", {})):
        assert (await stage.ask(name, **more)).status_code == 200
    await until(lambda: "jsh" in stage.agent.view["hospitals"] and stage.agent.view["hospitals"]["jsh"]["closures"])


async def sizes(page: Page, selector: str) -> list[float]:
    return await page.eval_on_selector_all(
        selector, "boxes => boxes.map((box) => parseFloat(getComputedStyle(box).fontSize))"
    )


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_every_page_and_sheet_is_made_for_gloves_and_jolts(stage: Stage, page: Page, language: Language):
    await with_the_patient(stage)
    await show(stage, page, language)
    for name in PAGES:
        await open_page(page, name)
        await check_glass(page, f"{language} {name}")
    await open_page(page, "vitals")
    await page.wait_for_selector(".number b")
    for selector in (".next b", ".number b", ".banner button"):
        assert min(await sizes(page, selector)) >= PRIMARY_PX, selector
    await open_page(page, "casualties")
    sheets: list[tuple[str, str]] = [(".casualties > .wide", "find"), (".actions button >> nth=0", "triage")]
    sheets += [(".actions button >> nth=1", "findings"), (".rail > button:last-child", "steps")]
    for selector, name in sheets:
        await page.click(selector)
        await page.wait_for_selector(".sheet button")
        await check_glass(page, f"{language} sheet {name}")
        if name == "triage":
            await page.wait_for_selector(".question")
            assert min(await sizes(page, ".question, .yes-no button")) >= PRIMARY_PX
        await page.click(".sheet .head button >> nth=0")


async def test_the_most_used_targets_stand_at_the_edges_for_thumbs(stage: Stage, page: Page):
    await at_the_scene(stage)
    await show(stage, page)
    targets = await page.evaluate(TARGETS)
    step = next(one for one in targets if say("unit.do.find", "en") in one["text"])
    assert step["x"] + step["w"] > 1280 - 20 and step["h"] > 400
    assert all(one["x"] < 20 for one in targets if one["text"] in {say(f"unit.page.{name}", "en") for name in PAGES})


async def test_a_casualty_is_found_and_tagged_red_in_nine_taps(stage: Stage, page: Page):
    await at_the_scene(stage)
    await show(stage, page)
    taps = 0

    async def touch(selector: str) -> None:
        nonlocal taps
        taps += 1
        await page.click(selector)

    await touch(".next")
    await touch(".sheet .go")  # the letter is there already, the age may stay unknown
    await until(lambda: stage.agent.view["unit"]["duty"] == "at_patient")
    await seen(page, say("unit.do.triage", "en"))
    await page.wait_for_function(
        "(w) => document.querySelector('.next b').innerText === w", arg=say("unit.do.triage", "en")
    )
    await touch(".next")
    for input, selector in (("walks", ".no"), ("breathing", ".yes"), ("rr", ".counts button >> nth=6")):
        await seen(page, say(f"unit.triage.{input}", "en"))
        await touch(selector)
    await seen(page, say("unit.triage.radial_pulse", "en"))
    await touch(".no")
    await page.wait_for_selector(".result .triage.red")
    await touch(".result .go")
    await until(lambda: stage.book.picture.casualties.get("I1-A") is not None)
    await until(lambda: stage.book.picture.casualties["I1-A"].category == "red")
    _, tag = stage.book.picture.casualties["I1-A"].triage[0]
    assert (tag.method, tag.inputs) == ("start", {"walks": "0", "breathing": "1", "rr": 28, "radial_pulse": "0"})
    assert taps <= 9


async def test_back_takes_the_last_answer_back_and_a_category_may_be_set_by_hand(stage: Stage, page: Page):
    await with_the_patient(stage)
    await show(stage, page)
    await open_page(page, "casualties")
    await page.click(".actions button >> nth=0")
    await seen(page, say("unit.triage.walks", "en"))
    await page.click(".no")
    await seen(page, say("unit.triage.breathing", "en"))
    await page.click(".sheet .head button >> nth=0")
    await seen(page, say("unit.triage.walks", "en"))
    for _ in range(2):  # START, JumpSTART, by hand
        await page.click(".sheet .head button >> nth=1")
    await page.click(".choices button:has(.triage.yellow)")
    await until(lambda: stage.book.picture.casualties["I1-A"].category == "yellow")
    assert stage.book.picture.casualties["I1-A"].triage[-1][1].method == "manual"


async def test_a_triage_mark_is_colour_numeral_shape_and_word(stage: Stage, page: Page):
    await with_the_patient(stage)
    await show(stage, page)
    await open_page(page, "casualties")
    mark = page.locator(".row .triage.red")
    assert await mark.locator("text").text_content() == "I"
    assert await mark.locator(".word").text_content() == say("triage.red", "en")
    assert await mark.locator("path").count() == 1


async def test_findings_are_one_tap_each_and_written_in_both_languages(stage: Stage, page: Page):
    await at_the_scene(stage)
    await stage.ask("found_casualty", label="A")
    await show(stage, page)
    await open_page(page, "casualties")
    await page.click(".actions button >> nth=1")
    for section, chip in ((0, "haemorrhagic_shock"), (3, "pelvis"), (4, "tourniquet")):
        await page.click(f".findings nav button >> nth={section}")
        await page.click(f".choices button:text-is('{say(f'unit.chip.{chip}', 'en')}')")
        await page.wait_for_selector(".choices button[aria-pressed=true]")
    await page.fill(".typed input", "entrapped 20 min")
    await page.click(".typed button")
    await page.wait_for_selector(".choices button:text-is('entrapped 20 min')")
    found = stage.agent.view["casualties"]["I1-A"]["findings"]
    assert (
        found["concern"] == f"{say('unit.chip.haemorrhagic_shock', 'zh')} {say('unit.chip.haemorrhagic_shock', 'en')}"
    )
    assert found["injuries"] == [f"{say('unit.chip.pelvis', 'zh')} {say('unit.chip.pelvis', 'en')}"]
    assert found["treatments"][1] == "entrapped 20 min"
    await page.click(".choices button:text-is('entrapped 20 min')")
    await until(lambda: len(stage.agent.view["casualties"]["I1-A"]["findings"]["treatments"]) == 1)


async def test_an_order_stands_above_every_page_until_it_is_read_back_with_one_tap(stage: Stage, page: Page):
    await with_the_patient(stage)
    await show(stage, page)
    for name in PAGES:
        await open_page(page, name)
        assert "氨甲环酸 1 g IV" in await page.inner_text(".banner.order")
    await page.click(".banner button")
    await until(lambda: stage.book.picture.messages["m1"].read_back == "氨甲环酸 1 g IV")
    await page.wait_for_selector(".banner", state="detached")


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_a_changed_route_stands_above_every_page_with_its_reason_until_it_was_seen(
    stage: Stage, page: Page, language: Language
):
    await at_the_scene(stage)
    await stage.ask("found_casualty", label="A")
    await show(stage, page, language)
    await expect(page.locator(".banner.route")).to_have_count(0)
    since = "2021-04-18T01:12:00+00:00"
    told = {"closure": "R1", "road": "G60", "why": "works", "by": "dispatcher:desk 1", "since": since}
    why = (e.Reason("leg_avoids", told | {"change_s": 240, "change_min": "+4.0"}),)
    await stage.hub(e.LegGiven("A01", "hospital", leg(WARD, SCENE, 900), why))
    banner = page.locator(".banner.route")
    await expect(banner).to_contain_text("G60")
    await expect(banner).to_contain_text("09:12")
    await expect(banner).to_contain_text("+4.0")
    await expect(banner).to_contain_text(say("dispatch.road.works", language))
    assert await page.locator(".next").is_enabled(), "nothing waits for the tap"
    for name in ("mission", "vitals"):
        await open_page(page, name)
        await check_glass(page, f"{language} {name} rerouted")
    await banner.get_by_role("button").click()
    await expect(banner).to_have_count(0)
    await until(lambda: stage.book.picture.units["A01"].leg_seen_at is not None)
    await stage.hub(e.LegBlocked("A01", WARD, SITE, ("R1",)))
    await expect(page.locator(".banner.blocked")).to_contain_text(say("unit.wait_for_way", language))
    await open_page(page, "mission")
    await check_glass(page, f"{language} no way")
    await expect(page.locator(".leg .big")).to_have_text("--")


async def test_the_destination_shows_bay_team_reasons_and_the_clocks_side_by_side(stage: Stage, page: Page):
    await with_the_patient(stage)
    await show(stage, page)
    await open_page(page, "destination")
    for words in ("General Hospital", "R2", "王医生", say("unit.team_ready", "en", ready=0, called=2)):
        await seen(page, words)
    ways = await page.locator(".way").all_inner_texts()
    assert [way.split("\n")[-1] for way in ways] == ["65 min", "28 min", "--"]
    assert await page.locator(".way.taken").count() == 1
    freed = e.Reason("change.bay_freed", {"hospital": "sj", "resource": "resus_bay"})
    second = e.Rejection(
        "sj", "road", 2000.0, (e.Reason("time", {"slower_s": 320, "slower_min": 5.3}),), would_win=freed
    )
    because = structs.replace(OPTION, reasons=(e.Reason("faster", {"faster_s": 600, "faster_min": 10.0}),))
    await stage.hub(e.DestinationChosen("I1-A", because, (BY_ROAD, ELSEWHERE, second)))
    await seen(page, say("reason.faster", "en", faster_min=10))
    await seen(page, "33 min")
    await seen(page, say("unit.would_win", "en", change="if one more Resus were free"))
    await stage.hub(e.CapacityReported("sgh", "resus_bay", 0, 6))
    await seen(page, "0/6")


async def test_with_the_hub_dead_the_crew_works_on_and_sees_that_it_is(stage: Stage, page: Page):
    await at_the_scene(stage)
    await show(stage, page)
    await seen(page, say("unit.link.connected", "en"))
    await stage.hub_dies()
    await until(lambda: stage.agent.link.as_view()["state"] != "connected")
    began = stage.agent.link.state  # type: ignore[attr-defined]
    assert began.heard_s is not None
    stage.agent.link.state = replace(began, heard_s=began.heard_s - 60)  # type: ignore[attr-defined] - a minute passes
    await seen(page, say("unit.link.lost", "en", clock="", n="").split(" since")[0])
    await page.click(".next")
    await page.click(".sheet .go")
    await page.wait_for_selector(".sheet", state="detached")
    await open_page(page, "casualties")
    await page.wait_for_selector(".row .label:text-is('A')")
    await page.reload()
    await page.wait_for_selector(".rail")
    await open_page(page, "casualties")
    await page.wait_for_selector(".row .label:text-is('A')")
    await stage.hub_returns()
    await seen(page, say("unit.link.connected", "en"))
    await until(lambda: "I1-A" in stage.book.picture.casualties)


async def on_monitor(stage: Stage, page: Page) -> None:
    await with_the_patient(stage)
    await show(stage, page)
    await open_page(page, "vitals")
    await page.wait_for_function("() => document.querySelector('.number b')?.innerText.match(/^[0-9]+$/)")


async def test_numbers_have_ages_and_waves_are_drawn(stage: Stage, page: Page):
    await on_monitor(stage, page)
    ages = await page.locator(".number .age").all_inner_texts()
    assert len(ages) == 8 and all(ages)
    await page.wait_for_function(
        "() => [...document.querySelectorAll('sweep-wave')].every((w) => w.samplesDrawn > 100)"
    )


async def test_the_crew_sees_how_well_its_picture_goes_out_and_why(stage: Stage, page: Page):
    await on_monitor(stage, page)
    line = page.locator("span.quality")
    none, ordinary = say("media.quality.missing.yet", "en"), say("media.uplink.none", "en")
    await expect(line).to_have_text(f"{none} · {ordinary}")
    stage.agent.quality = watch = QualityWatch(
        "A01", stage.clock, lambda: 0.0, look=lambda: Quality("stills", "link_thin"), tell=lambda at, fact: None,
        heard=lambda: True, changed=lambda: None,
    )  # fmt: skip
    watch.look()
    await expect(line).to_contain_text(say("media.rung.stills", "en") + " · " + say("media.rung_why.link_thin", "en"))
    await stage.hub(e.UplinkChanged("A01", "granted", "", "s-1"))
    await expect(line).to_contain_text(say("media.uplink.granted", "en"))


async def test_the_widest_pressure_has_room_in_its_place(stage: Stage, page: Page):
    stage.monitor = SteadyMonitor(Vitals(hr_bpm=188, spo2_pct=100, sbp_mmhg=234, dbp_mmhg=148))  # type: ignore[assignment]
    await on_monitor(stage, page)
    await seen(page, "234/148")
    wide = "() => [...document.querySelectorAll('.number')].filter((n) => n.scrollWidth > n.clientWidth + 1).length"
    assert await page.evaluate(wide) == 0


async def test_a_lost_feed_is_blank_with_words_and_never_a_held_number(stage: Stage, page: Page):
    await on_monitor(stage, page)
    silent = SteadyMonitor(Vitals())
    silent.channels = {}
    silent.chunk = lambda start_s, duration_s: {}  # type: ignore[method-assign]
    stage.agent.sampler.monitor = silent
    latest = stage.agent.sampler.latest
    assert latest is not None
    stage.agent.sampler.latest = replace(latest, at=latest.at - timedelta(seconds=20))
    await page.wait_for_function(
        "() => [...document.querySelectorAll('.number:not(:nth-child(3)) b')].every((b) => b.innerText === '--')"
    )
    await seen(page, say("unit.no_signal", "en"))
    assert await page.locator(".alarm").count() == 0


async def test_only_the_lamp_of_an_alarm_flashes_at_the_rate_of_its_priority(stage: Stage, page: Page):
    stage.monitor = SteadyMonitor(Vitals(hr_bpm=150, spo2_pct=80, sbp_mmhg=85))  # type: ignore[assignment]
    await on_monitor(stage, page)
    lamps = await page.eval_on_selector_all(".alarm", LAMPS)
    assert ["alarm high", "0.5s", "***"] in lamps and ["alarm medium", "1.6s", "**"] in lamps


async def test_the_handover_is_one_screen_to_read_out_and_both_signatures_show(stage: Stage, page: Page):
    await handing_over(stage)
    await show(stage, page, "zh")
    await page.wait_for_function(
        "(w) => document.querySelector('.next b').innerText === w", arg=say("unit.do.handover", "zh")
    )
    await page.click(".next")
    order = await page.locator(".read-out dt").all_inner_texts()
    assert order[1:3] == [say("unit.read.concern", "zh"), say("unit.read.ask", "zh")]
    assert min(await sizes(page, ".read-out dd")) >= PRIMARY_PX
    fits = await page.evaluate(
        "() => { const s = document.querySelector('.sheet'); return s.scrollHeight <= s.clientHeight; }"
    )
    assert fits, "hands off: it may not need scrolling"
    await page.click(".go")
    await page.click(f".go:has-text('{say('unit.sign', 'zh')}')")
    await until(lambda: "crew" in stage.book.picture.casualties["I1-A"].signatures)
    await stage.hub(e.HandoverSigned("I1-A", "hospital", "王医生"), e.HandoverCompleted("I1-A", "sgh"))
    await seen(page, "王医生")


@pytest.mark.parametrize("theme", ["night", "day"])
async def test_no_rule_of_accessibility_is_broken(stage: Stage, page: Page, theme: str):
    axe = browser_libraries() / "axe-core" / "axe.min.js"
    if not axe.exists():
        pytest.skip("axe-core is not installed")
    await with_the_patient(stage)
    await page.add_init_script(f"localStorage.setItem('aboard.theme', '{theme}')")
    await show(stage, page)

    async def check(where: str) -> None:
        await page.add_script_tag(path=str(axe))
        found = await page.evaluate(
            "async () => (await axe.run()).violations.map((v) => [v.id, v.nodes.map((n) => n.html)])"
        )
        assert found == [], where

    for name in PAGES:
        await open_page(page, name)
        await check(name)
    await open_page(page, "casualties")
    for selector in (
        ".casualties > .wide",
        ".actions button >> nth=0",
        ".actions button >> nth=1",
        ".rail > button:last-child",
    ):
        await page.click(selector)
        await page.wait_for_selector(".sheet button")
        await check(selector)
        await page.click(".sheet .head button >> nth=0")


async def test_a_refusal_is_told_in_the_language_of_the_screen_until_it_was_read(stage: Stage, page: Page):
    await at_the_scene(stage)
    await show(stage, page, "zh")
    await page.click(".rail > button:last-child")
    await page.click(f".sheet button:has-text('{say('unit.do.at_destination', 'zh')}')")
    await page.wait_for_selector(".sheet .trouble")
    assert "hospital" in await page.inner_text(".sheet .trouble")
    await page.click(".sheet .trouble button")
    await page.wait_for_selector("div.trouble", state="detached")


async def test_a_link_that_is_not_valid_is_told_and_shows_nothing(stage: Stage, page: Page):
    await stage.assigned()
    await page.goto(f"{stage.url}/tablet?lang=en#not-a-token")
    await seen(page, say("link.refused", "en"))
    assert await page.locator(".rail").count() == 0


async def test_the_tablet_asks_nothing_of_another_host_and_marks_a_drill(stage: Stage, page: Page):
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await show(stage, page)
    assert await page.inner_text(".drill-frame") == say("drill.mark", "en")
    await page.click(".language")
    await seen(page, say("unit.other_steps", "zh"))
    assert await page.evaluate("document.documentElement.lang") == "zh-CN"
    assert {url.split("/")[2] for url in asked if not url.startswith(("data:", "blob:"))} == {stage.url.split("/")[2]}


async def test_day_and_night_are_one_touch_apart_and_remembered(stage: Stage, page: Page):
    await show(stage, page)
    ground: Callable[[], Any] = lambda: page.evaluate("getComputedStyle(document.body).backgroundColor")  # noqa: E731
    night = await ground()
    await page.click(".square")
    day = await ground()
    assert day != night
    await page.reload()
    await page.wait_for_selector(".rail")
    assert await ground() == day
    with contextlib.suppress(TimeoutError):
        await page.click(".square")


# --- another hospital


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_the_ways_to_another_hospital_are_made_for_gloves_and_say_what_they_cost(
    stage: Stage, page: Page, language: Language
):
    await aboard(stage)
    await stage.hub(e.MessageRead("m1", "crew", "read back"))
    await show(stage, page, language)
    await open_page(page, "destination")
    await page.wait_for_selector(".elsewhere")
    await check_glass(page, f"{language} destination")
    for place, name in ((1, "divert"), (0, "wish")):
        await page.click(f".elsewhere button >> nth={place}")
        await page.wait_for_selector(".places button")
        await check_glass(page, f"{language} sheet {name}")
        closed = page.locator(".place", has_text="CT 维修")
        await expect(closed).to_contain_text(say("unit.closed", language))
        await expect(closed.locator(".minutes")).to_contain_text("−8" if language == "en" else "8")
        await page.click(".sheet .head button >> nth=0")


async def test_going_elsewhere_without_a_hub_shows_as_not_yet_confirmed_and_then_what_the_desk_said(
    stage: Stage, page: Page
):
    await aboard(stage)
    await show(stage, page)
    await open_page(page, "destination")
    await stage.hub_dies()
    await page.click(".elsewhere button >> nth=1")
    go = page.locator(".sheet .go")
    await expect(go).to_be_disabled()
    await page.get_by_role("button", name=say("unit.why_elsewhere.airway", "en")).click()
    await expect(go).to_be_disabled()
    await page.locator(".place", has_text="Jinshan").click()
    await go.click()
    await seen(page, say("unit.diversion.sent", "en", hospital="Jinshan Hospital"))
    await check_glass(page, "diversion sent")
    await stage.hub_returns()
    await until(lambda: stage.book.picture.casualties["I1-A"].diverted is not None)
    diverted = stage.book.picture.casualties["I1-A"].diverted
    assert diverted is not None and "Airway lost" in diverted.reason and "气道" in diverted.reason
    await seen(page, say("unit.diversion.waiting", "en", hospital="Jinshan Hospital"))
    await stage.hub(e.DiversionFailed("I1-A", "jsh", "option_gone"))
    await seen(page, say("unit.diversion.why.option_gone", "en"))
    await page.locator(".banner", has_text="Jinshan").get_by_role("button").click()
    await expect(page.locator(".banner", has_text="Jinshan")).to_have_count(0)


async def test_a_diversion_that_is_followed_shows_the_new_bay(stage: Stage, page: Page):
    await aboard(stage)
    await show(stage, page)
    assert (await stage.ask("divert", casualty="I1-A", hospital="jsh", reason="airway")).status_code == 200
    await until(lambda: stage.book.picture.casualties["I1-A"].diverted is not None)
    there = e.Option("jsh", "road", 1200.0, {"drive": 1200.0})
    await stage.hub(
        e.DestinationChosen("I1-A", there, (BY_ROAD,), "airway"),
        e.PrealertWithdrawn("I1-A", "sgh", "redirected"),
        e.HoldPlaced("I1-A", "jsh", "resus_bay", 2, stage.clock.now() + timedelta(hours=1)),
    )
    banner = page.locator(".banner", has_text=say("unit.diversion.followed", "en", hospital="Jinshan Hospital"))
    await expect(banner).to_contain_text(f"{say('unit.bay', 'en')} 2")


async def test_why_nobody_is_flown_is_one_line_for_all_hospitals_and_no_place_to_go_to(stage: Stage, page: Page):
    await aboard(stage)
    await show(stage, page)
    nobody = e.Rejection("", "air", None, (e.Reason("no_landing_site"),))
    await stage.hub(e.DestinationChosen("I1-A", OPTION, (BY_ROAD, ELSEWHERE, nobody)))
    await open_page(page, "destination")
    await page.locator(".reasons summary", has_text=say("unit.rejected", "en", n=3)).click()
    line = page.locator(".reasons details p", has_text=say("destination.any_hospital", "en"))
    await expect(line).to_have_count(1)
    await expect(line).to_contain_text(say("reason.no_landing_site", "en"))
    await page.click(".elsewhere button >> nth=0")
    places = await page.locator(".place b").all_inner_texts()
    assert sorted(places) == ["General Hospital", "Jinshan Hospital"]


async def test_a_wish_is_recorded_by_whom_and_its_cost_is_shown_once_the_desk_answers(stage: Stage, page: Page):
    await aboard(stage)
    await show(stage, page)
    await open_page(page, "destination")
    await page.click(".elsewhere button >> nth=0")
    await page.get_by_role("button", name=say("unit.wish_by.family", "en")).click()
    await page.locator(".place", has_text="Jinshan").click()
    await page.click(".sheet .go")
    await seen(page, say("unit.wish.unanswered", "en"))
    await until(lambda: stage.book.picture.casualties["I1-A"].wish == "jsh")
    declined = structs.replace(
        ELSEWHERE, reasons=(e.Reason("wish_declined", {"cost_s": 700, "cost_min": 11.7, "limit_min": 5}),)
    )
    await stage.hub(e.DestinationProposed("I1-A", structs.replace(DECISION, rejected=(BY_ROAD, declined))))
    await seen(page, say("unit.wish.declined", "en"))
    await seen(page, say("unit.wish.cost", "en", minutes="12 min"))


# --- is the scene clear for a hoist

OPEN_HOIST = e.Rejection(
    "sgh", "air", 2000.0, (e.Reason("air_hoist_place_unknown"),), terms_s={"hoist": 900.0, "cruise": 1100.0}
)


async def asked_about_the_place(stage: Stage) -> None:
    """At the patient; among the ways that the desk proposes one is by hoist, and nobody has looked up."""
    await at_the_scene(stage)
    await stage.ask("found_casualty", label="A", age_years=41, sex="m")
    await stage.ask("triage", casualty="I1-A", method="manual", category="red")
    await until(lambda: "I1-A" in stage.book.picture.casualties)
    await stage.hub(e.DestinationProposed("I1-A", structs.replace(DECISION, rejected=(*DECISION.rejected, OPEN_HOIST))))
    await until(lambda: stage.agent.view["casualties"]["I1-A"].get("hoist_asked"))


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_who_stands_there_is_asked_once_whether_a_helicopter_may_hoist(
    stage: Stage, page: Page, language: Language
):
    await asked_about_the_place(stage)
    await show(stage, page, language)
    banner = page.locator(".banner.hoist")
    await expect(banner).to_contain_text(say("unit.hoist_place.look", language))
    for name in PAGES:
        await open_page(page, name)
        await check_glass(page, f"{language} {name}, asked about the place")
    assert min(await sizes(page, ".banner.hoist button")) >= PRIMARY_PX
    await banner.get_by_role("button", name=say("unit.hoist_place.not_clear", language), exact=True).focus()
    await page.keyboard.press("Enter")
    await expect(banner).to_have_count(0)
    await until(lambda: stage.book.picture.incidents["I1"].hoist_place is not None)
    await open_page(page, "mission")
    said = page.locator(".hoist")
    await expect(said).to_contain_text("张急救")
    await expect(said.locator("[aria-pressed=true]")).to_have_text(say("unit.hoist_place.not_clear", language))
    await check_glass(page, f"{language} mission, answered")
    await stage.hub(e.HoistPlaceJudged("I1", True))  # the dispatcher heard better news
    await expect(said.locator("[aria-pressed=true]")).to_have_text(say("unit.hoist_place.clear", language))


async def test_without_a_hub_the_answer_stands_and_goes_out_later(stage: Stage, page: Page):
    await asked_about_the_place(stage)
    await show(stage, page)
    await stage.hub_dies()
    await page.locator(".banner.hoist button").first.click()
    await expect(page.locator(".banner.hoist")).to_have_count(0)
    await stage.hub_returns()
    await until(lambda: stage.book.picture.incidents["I1"].hoist_place is not None)
    assert stage.book.picture.incidents["I1"].hoist_place.clear is True  # type: ignore[union-attr]


async def test_a_crew_with_no_way_by_hoist_is_asked_nothing(stage: Stage, page: Page):
    await with_the_patient(stage)
    await show(stage, page)
    await expect(page.locator(".facts")).to_be_visible()
    await expect(page.locator(".hoist")).to_have_count(0)
