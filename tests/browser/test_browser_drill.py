"""The G60 drill, live: real processes, sockets and WebRTC, and people at the screens in a real browser.

What a person has to do is done here on the screens: the yes to the proposal, a bed more, the order read back, the
ward's signature. Everything else is done by the scenario. Nothing is timed: each look waits for what must come, and
what is shown is held against the book.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from open_screens import AIRCRAFT, CREW, DRAWN, WARD, A, Screen, Stage, open_page, set_up
from PIL import Image

from aboard.reporting import write_report
from casebook.screens import REPO
from casebook.words import LANGUAGES
from scenarios.format import Scenario, Step, find_scenario, load_scenario
from scenarios.vocabulary import all_asks

pytestmark = [pytest.mark.browser, pytest.mark.sockets]

RATE = 15.0
WHOLE_S = 480.0  # of the wall, for a busy machine: a fraction of it elsewhere
SHOT_AT_S = 10.9 * 60  # of the drill: road and air are both on their way to the meeting
SHOTS = REPO / "docs" / "screenshots"
SHOT_BYTES = 300_000
BELOW = """(all) => { const tops = all.map((one) => document.querySelector(one).getBoundingClientRect().top);
  return tops.every((top, n) => n === 0 || top > tops[n - 1]); }"""
VIDEO = "(({ framesShown, latencyMs }) => [framesShown, latencyMs])(document.querySelector('video-tile'))"
SEEN = f"() => {{ const [frames, latencies] = {VIDEO}; return frames > 20 && latencies.length > 20; }}"
NUMBER = "() => /^\\d+$/.test(document.querySelector('[data-sign=hr] b')?.textContent ?? '')"
FRESH = f"() => document.querySelector('[data-monitor=live]') && ({NUMBER})()"
FROM = """(unit) => { const tile = document.querySelector('video-tile');
  return tile.unit === unit && tile.state === 'live'; }"""
SAMPLES = "() => document.querySelector('sweep-wave[kind=PLETH]').samplesDrawn"
CLOCKS = (
    """() => ['road', 'air', 'rendezvous'].map((way) => document.querySelector(`.clock.${way} .time`)?.innerText)"""
)


@pytest.fixture
def scenario() -> Scenario:
    return load_scenario(find_scenario("g60_fengjing"), all_asks(), "zh")


def is_done_on_a_screen(step: Step) -> bool:
    """Whether a person does this step here, on the console, the tablet or the wall."""
    decision = step.ask == "choose_destination" and step.command.get("casualty") == "$A"
    return decision or step.ask == "read_message" or (step.ask == "sign_handover" and step.who == "hospital:$ward:A")


def is_of_the_way_by_road(step: Step) -> bool:
    """What would happen if the ambulance itself came to the trauma centre."""
    return step.optional and step.after == {"fact": "unit_at_destination", "unit": CREW}


@pytest.mark.timeout(900)  # more than the bounds of its parts together, so that they tell what was missing
async def test_the_drill_is_played_to_the_signed_handover_on_all_screens(scenario: Scenario, tmp_path: Path):
    steps = tuple(step for step in scenario.steps if not (is_done_on_a_screen(step) or is_of_the_way_by_road(step)))
    script = replace(scenario, steps=steps, lasts_s=3 * scenario.lasts_s)  # over when all is done, however late
    async with set_up(script, tmp_path / "drill", RATE) as stage:
        for screen in stage.screens.values():
            await screen.says(screen.word("drill.mark"), ".drill-frame")
        stage.begin()
        async with stage.within(WHOLE_S):
            await the_call_comes_in_and_units_move(stage)
            await a_tap_at_the_wall_reaches_console_and_tablet(stage)
            await the_proposal_is_shown_with_its_reasons_and_taken(stage)
            await the_ward_sees_what_is_coming(stage)
            await the_crew_reads_bay_and_order(stage)
            await stage.until_moment(SHOT_AT_S)
            await every_screen_speaks_both_languages(stage)
            await road_and_air_meet(stage)
            await both_sides_sign(stage)
            performance = await stage.until_played()
        assert [(one.step.ask, one.error) for one in performance.played if one.error and not one.step.optional] == []
        stage.drill.scenario = scenario  # what would have been by road is the whole script's
        await asyncio.to_thread(write_report, stage.drill, performance)
        await the_report_opens_in_both_languages(stage)


async def the_call_comes_in_and_units_move(stage: Stage) -> None:
    console = stage["console"]
    call = await stage.until_fact("incident_opened")
    await console.says(call["place"]["name_zh"], ".call .where")
    assert (await console.text(".call .t")).startswith("T+")
    await stage.until_fact("unit_en_route", unit=CREW)
    await console.says(console.word("dispatch.duty.en_route"), ".unit")
    await console.until("the map", "() => document.querySelector('.map canvas')")
    drawn = Image.open(BytesIO(await console.page.locator(".map").screenshot())).convert("RGB")
    assert drawn.getcolors(50) is None, "the map is not drawn"  # None: more colours than that
    await stage.until_fact("unit_on_scene", unit=CREW)
    await console.says(console.word("dispatch.duty.on_scene"), ".unit")
    assert len(console.fixes[CREW]) > 3, "the ambulance did not move on the console"


async def a_tap_at_the_wall_reaches_console_and_tablet(stage: Stage) -> None:
    console, wall, tablet = stage["console"], stage["wall"], stage["tablet"]
    before = stage.facts("capacity_reported", hospital=WARD, resource="icu_bed")[-1]
    await wall.touch("[data-resource=icu_bed] .count button:last-child")
    told = await stage.until_fact(
        "capacity_reported", lambda one: one["free"] == before["free"] + 1, resource="icu_bed"
    )
    shown = f"{told['free']}/{told['total']}"
    await wall.says(shown, "[data-resource=icu_bed] .still")
    await tablet.touch(".pages button:nth-child(4)")
    await tablet.says(shown, ".capacity td")
    name = await wall.text("h1")
    await console.touch(f".hospital button:text-is('{name}')")
    await console.says(shown.replace("/", " / "), ".detail .figures")
    await console.touch(f".hospital button:text-is('{name}')")


async def the_proposal_is_shown_with_its_reasons_and_taken(stage: Stage) -> None:
    console = stage["console"]
    decision = (await stage.until_fact("destination_proposed", casualty=A))["decision"]
    await console.until("the yes", "() => document.querySelector('.take:not([disabled])')")
    assert await console.page.evaluate(CLOCKS) == [clock(decision, way) for way in ("road", "air", "rendezvous")]
    best = decision["options"][0]
    assert (best["hospital"], best["mode"]) == (WARD, "rendezvous")
    assert await console.page.locator(".clock.rendezvous.first").count() == 1
    assert len(await console.texts(".decision ul.why li")) == len(best["reasons"]) > 0
    assert all(await console.texts(".decision .others .why")), "a way was refused without a reason"
    await console.page.keyboard.press("Y")
    await stage.until_fact("destination_chosen", casualty=A)
    await console.says(await stage["wall"].text("h1"), ".decision .chosen b")


def clock(decision: dict[str, Any], mode: str) -> str:
    """What the clock of a way shows: its first option, else the way to the proposed hospital that was refused."""
    home = decision["options"][0]["hospital"]
    ways = [one for one in decision["options"] if one["mode"] == mode]
    ways += [one for one in decision["rejected"] if (one["mode"], one["hospital"]) == (mode, home)]
    return minutes(ways[0].get("eta_s"))


def minutes(eta_s: float | None) -> str:
    if eta_s is None:
        return "--:--"
    whole_min, seconds = divmod(round(eta_s), 60)
    hours, whole_min = divmod(whole_min, 60)
    return f"{hours}:{whole_min:02d}:{seconds:02d}" if hours else f"{whole_min}:{seconds:02d}"


async def the_ward_sees_what_is_coming(stage: Stage) -> None:
    """Headline, numbers, waves and picture."""
    wall = stage["wall"]
    found = stage.facts("findings_recorded", casualty=A)[0]["findings"]
    await wall.says(found["concern"], f"[data-casualty='{A}'] .concern")
    await wall.says(found["ask"][0], ".ask")
    assert await wall.page.evaluate(BELOW, [".concern", ".ask", ".atmist"]), "headline and ask do not come first"
    await stage.until_fact("vitals_recorded", lambda one: "nibp_at" in one["vitals"], casualty=A)
    await wall.until("a heart rate", NUMBER)
    measured = {one["vitals"].get("hr_bpm") for one in stage.facts("vitals_recorded", casualty=A)}
    assert int(await wall.text("[data-sign=hr] b")) in {round(bpm) for bpm in measured if bpm is not None}
    assert await wall.text(".monitor .age") != ""
    for kind in ("ECG_II", "PLETH"):  # waves run with the clock
        await stage.until_shown(wall, f"a drawn {kind}", DRAWN, kind)
    await wall.until("live pictures", SEEN)
    frames, latencies_ms = await wall.page.evaluate(VIDEO)
    assert frames >= len(latencies_ms) > 0 and min(latencies_ms) >= 0


async def the_crew_reads_bay_and_order(stage: Stage) -> None:
    wall, tablet = stage["wall"], stage["tablet"]
    await tablet.touch(".pages button:nth-child(4)")
    await tablet.says(await wall.text("h1"), ".destination h2")
    bay = (await stage.until_fact("bay_assigned", casualty=A))["bay"]
    await tablet.says(bay, ".ward .big")
    await wall.says(bay, ".bay-mark")
    order = await stage.until_fact("message_sent", casualty=A, order=True)
    await tablet.says(order["text"], ".banner.order")
    await tablet.touch(".banner.order button")
    read = await stage.until_fact("message_read", message=order["message"])
    await tablet.until("no order above the page", "() => !document.querySelector('.banner.order')")
    await wall.says(wall.word("hospital.order_state.read_back"), ".message")
    await tablet.touch(".pages button:nth-child(5)")
    await tablet.says(order["text"], ".message.order")
    await tablet.says("✓", ".message.order .good")
    assert read["read_back"] == order["text"]
    await tablet.touch(".pages button:nth-child(4)")
    await stage.until_fact("findings_recorded", lambda one: "氨甲环酸1克" in one["findings"]["treatments"], casualty=A)
    await wall.touch(".next.acknowledge")  # what is new since the pre-alert was acknowledged
    await wall.until("nothing more to acknowledge", "() => !document.querySelector('.card.waiting')")


async def every_screen_speaks_both_languages(stage: Stage) -> None:
    """Switch by the button, take the pictures, check every rule, and switch back."""
    shown = {name: stage[name] for name in ("console", "wall", "tablet")}
    await shown["console"].page.keyboard.press("1")  # the severe one's decision, whoever waits for one
    for language in LANGUAGES:
        for screen in shown.values():
            await screen.speak(language)
            await screen.page.evaluate("document.activeElement.blur()")
        await shown["wall"].until("a heart rate of now", FRESH)
        await stage.until_shown(shown["wall"], "a drawn wave", DRAWN, "PLETH")
        for name in ("wall", "console", "tablet"):
            await keep(f"{name}_{language}", shown[name])
    for language in reversed(LANGUAGES):
        for screen in shown.values():
            await screen.speak(language)
            await screen.check()


async def keep(name: str, screen: Screen) -> None:
    """Write a picture for the documents, small enough for them, where that was asked for."""
    if os.environ.get("ABOARD_WRITE_SCREENSHOTS") == "1":
        png = await screen.page.screenshot(timeout=60_000)
        await asyncio.to_thread(write_small, SHOTS / f"{name}.png", png)


def write_small(file: Path, png: bytes) -> None:
    """A PNG with a palette of 256 colours, which is what our flat screens need, and at most SHOT_BYTES."""
    picture = Image.open(BytesIO(png)).convert("RGB")
    while True:
        picture.quantize(256, dither=Image.Dither.NONE).save(file, optimize=True)
        if file.stat().st_size < SHOT_BYTES:
            return
        picture = picture.resize((picture.width * 9 // 10, picture.height * 9 // 10), Image.Resampling.LANCZOS)


async def road_and_air_meet(stage: Stage) -> None:
    console, wall = stage["console"], stage["wall"]
    met = await stage.until_fact("casualty_transferred", casualty=A)
    assert (met["from_unit"], met["to_unit"]) == (CREW, AIRCRAFT)
    await console.until("the meeting", "() => document.querySelector('.log .casualty_transferred .what')")
    line = await console.text(".log .casualty_transferred .what")
    for name in ("松江5G救护车01", "医疗救援直升机", "枫泾"):
        assert name in line
    assert {one["unit"] for one in stage.facts("unit_at_landing_site", site=met["site"])} == {CREW, AIRCRAFT}
    await console.says("枫泾", ".decision .chosen")
    await stage.until_fact("vitals_recorded", unit=AIRCRAFT, casualty=A)
    await wall.until("the aircraft's picture", FROM, AIRCRAFT)
    drawn = await wall.page.evaluate(SAMPLES)
    await stage.until_shown(wall, "the aircraft's waves", f"(before) => ({SAMPLES})() > before + 500", drawn)


async def both_sides_sign(stage: Stage) -> None:
    console, wall, aircraft = stage["console"], stage["wall"], stage["aircraft"]
    await stage.until_fact("handover_signed", casualty=A, side="crew")
    await wall.touch(".next.sign")
    await stage.until_fact("handover_completed", casualty=A)
    assert {one["side"] for one in stage.facts("handover_signed", casualty=A)} == {"crew", "hospital"}
    await wall.says(wall.word("hospital.handed_over"), ".countdown.done")
    await console.says(console.word("dispatch.stage.handed_over"), f"[id='casualty-{A}']")
    await console.until("both signatures", "() => document.querySelectorAll('.log .handover_signed').length >= 2")
    await aircraft.touch(".pages button:nth-child(2)")
    await aircraft.touch(".row:has(.triage.red)")
    await aircraft.touch(f".actions button:text-is('{aircraft.word('unit.do.handover')}')")
    await aircraft.until("both signatures", "() => document.querySelectorAll('.signatures .good').length === 2")


async def the_report_opens_in_both_languages(stage: Stage) -> None:
    """One file, opened from the disk: every rule kept, nothing asked of anybody."""
    report = await open_page(stage.browser, "report", (stage.drill.folder / "report.html").as_uri())
    for language in LANGUAGES:
        report.language = language
        await report.page.evaluate("(language) => document.getElementById(`show-${language}`).click()", language)
        await report.says(report.word("drill.mark"), f".page.{language} .topbar")
        assert report.word("report.section.decision") in await report.text(f".page.{language}")
        await report.check()
        await keep(f"report_{language}", report)
    assert report.complaints == []
