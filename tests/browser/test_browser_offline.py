"""The cable is pulled in mid-drill: nothing old is shown as new, the crew works on, and all comes back by itself."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import httpx
import pytest
from open_screens import CREW, DRAWN, TRACE, WARD, A, Screen, Stage, open_page, set_up

from aboard.children import Child
from casebook.words import LANGUAGES
from casebook.words import say as word
from scenarios.format import Scenario, find_scenario, load_scenario
from scenarios.vocabulary import all_asks

pytestmark = [pytest.mark.browser, pytest.mark.sockets]

RATE = 15.0
HEART_RATE = "() => /^\\d+$/.test(document.querySelector('[data-sign=hr] b')?.textContent ?? '')"
STREAMED = """() => ['hr', 'spo2', 'bp', 'rr', 'etco2'].map((sign) =>
  document.querySelector(`[data-sign=${sign}] b`).textContent)"""
PICTURE = """() => { const tile = document.querySelector('video-tile');
  return [tile.state, getComputedStyle(tile.video).visibility, tile.words.textContent.trim() !== '']; }"""
AGES = "() => [...document.querySelectorAll('.age')].map((one) => one.textContent)"
MEASURED = "() => [...document.querySelectorAll('.vitals .number b')].some((one) => /^\\d/.test(one.textContent))"


@pytest.fixture
def scenario() -> Scenario:
    return load_scenario(find_scenario("g60_fengjing"), all_asks(), "zh")


async def test_a_dead_hub_blanks_what_streams_stops_no_crew_and_loses_nothing(scenario: Scenario, tmp_path: Path):
    async with set_up(scenario, tmp_path / "drill", RATE) as stage:
        stage.begin()
        wall = stage["wall"]
        await wall.until("a heart rate", HEART_RATE)
        await wall.until("a drawn pleth wave", DRAWN, "PLETH")
        await wall.until("a live picture", "() => document.querySelector('video-tile').state === 'live'")
        await kill_hub(stage)
        await the_wall_holds_no_value_and_no_line(wall)
        await the_console_says_so_and_its_ages_stand(stage["console"])
        await the_crew_works_on(stage["tablet"])
        await start_hub(stage)
        await all_screens_recover(stage)
        await nothing_was_lost(stage)


async def kill_hub(stage: Stage) -> None:
    await stage.drill._hub.kill()


async def start_hub(stage: Stage) -> None:
    """The same hub on the same port and folder, as after a power cut."""
    drill, folder = stage.drill, stage.drill.folder / "hub"
    drill._hub = Child("hub", drill._hub_words(folder, int(drill.urls["hub"].rpartition(":")[2])), folder)
    await drill._hub.start()


async def the_wall_holds_no_value_and_no_line(wall: Screen) -> None:
    await wall.says(wall.word("hospital.hub_lost").partition("?")[0], ".hub-lost")
    assert set(await wall.page.evaluate(STREAMED)) == {"--"}
    assert await wall.text(".countdown b") in ("--:--", wall.word("hospital.eta_unknown"))
    for kind in ("ECG_II", "PLETH"):
        trace = await wall.page.evaluate(TRACE, kind)
        assert (trace["blank"], trace["lit"]) == (True, 0)
    said = await wall.page.evaluate("document.querySelector('sweep-wave').shadowRoot.querySelector('p').textContent")
    assert said.startswith(wall.word("media.waves.since").partition("?")[0])
    state, visibility, words = await wall.page.evaluate(PICTURE)
    assert (state, visibility, words) == ("no_signal", "hidden", True)
    assert await wall.text(".top .clock") == "--:--:--"


async def the_console_says_so_and_its_ages_stand(console: Screen) -> None:
    await console.says(console.word("link.lost"), ".link")
    assert await console.text(".top .clock") == "--:--:--"
    await console.says(console.word("dispatch.as_of").partition("?")[0], ".top .lost")
    ages = await console.page.evaluate(AGES)
    await asyncio.sleep(1.5)  # at this rate an age that ran on would have gained more than 20 s
    assert await console.page.evaluate(AGES) == ages != []


async def the_crew_works_on(tablet: Screen) -> None:
    """Numbers from the vehicle's own monitor, a triage by hand, and the state of the link in words."""
    before, _, after = tablet.word("unit.link.lost", clock="@", n="#").partition("@")
    assert before == "" and "#" in after  # Chinese begins with the instant
    await tablet.says(after.partition("#")[0], ".hub-link.lost")
    await tablet.touch(".pages button:nth-child(3)")
    await tablet.until("the monitor's numbers", MEASURED)
    await tablet.touch(".pages button:nth-child(2)")
    await tablet.touch(".row:has(.triage.red)")
    await tablet.touch(f".actions button:text-is('{tablet.word('unit.do.triage')}')")
    for _ in ("start", "jumpstart"):
        await tablet.touch(f".sheet button:text-is('{tablet.word('unit.other_method')}')")
    await tablet.touch(".sheet .choices button:has(.triage.yellow)")
    await tablet.until("the new mark", "() => document.querySelector('.row.here .triage.yellow')")
    await tablet.until(
        "what waits", "() => Number(document.querySelector('.hub-link').textContent.match(/(\\d+) 条/)?.[1]) > 0"
    )


async def all_screens_recover(stage: Stage) -> None:
    console, wall, tablet = stage["console"], stage["wall"], stage["tablet"]
    await wall.until("a hub again", "() => !document.querySelector('.hub-lost')")
    await console.says(console.word("link.live"), ".link")
    await tablet.says(tablet.word("unit.link.connected"), ".hub-link.connected")
    await console.until("the crew's triage", f"() => document.querySelector(\"[id='casualty-{A}'] .triage.yellow\")")
    await wall.until("a heart rate again", HEART_RATE)
    await wall.until("a drawn pleth wave again", DRAWN, "PLETH")
    await wall.until("a live picture again", "() => document.querySelector('video-tile').state === 'live'")


async def nothing_was_lost(stage: Stage) -> None:
    """Nothing waits, the tap of the dark minutes is in the book once, every row of every vehicle is there, once."""
    async with httpx.AsyncClient(headers=stage.drill.doors[f"crew:{CREW}"].headers) as client:
        ledger = await until_delivered(client, f"{stage.drill.urls[CREW]}/api/v1/ledger")
    assert (ledger["unstored"], ledger["corrupt"], ledger["hub_lost_rows"]) == (0, 0, 0)
    by_hand = [one for one in stage.facts("casualty_triaged", casualty=A) if one["method"] == "manual"]
    assert [one["category"] for one in by_hand] == ["yellow"]
    rows = sorted((x.source.unit, x.source.epoch, x.source.seq) for x in stage.book() if x.source)
    for _, group in groupby(rows, key=lambda row: row[:2]):
        numbers = [seq for _, _, seq in group]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


async def until_delivered(client: httpx.AsyncClient, url: str) -> dict[str, Any]:
    """The vehicle's ledger once hardly anything waits: while its monitor runs there is always a row on its way."""
    ledger: dict[str, Any] = {"waiting": None}
    for _ in range(600):
        ledger = (await client.get(url)).json()
        if ledger["waiting"] <= 5:
            break
        await asyncio.sleep(0.1)
    assert ledger["waiting"] <= 5
    return ledger


async def test_an_unknown_link_is_told_in_words_and_shows_nothing(scenario: Scenario, tmp_path: Path):
    async with set_up(replace(scenario, units=scenario.units[:1]), tmp_path / "drill", RATE) as stage:
        for name, path in (("console", "/console?"), ("wall", f"/wall?hospital={WARD}&"), ("tablet", "/tablet?")):
            for language in LANGUAGES:
                hub = stage.drill.urls[CREW if name == "tablet" else "hub"]
                screen = await open_page(stage.browser, name, f"{hub}{path}lang={language}#not-a-token")
                screen.language = language
                told = "error.unknown_token" if name == "wall" else "link.refused"
                await screen.says(word(told, language), ".alone")
                assert not await screen.page.query_selector(".desk, .card, .capacity, .rail, .pages")
                assert screen.complaints == []
                await screen.page.context.close()
