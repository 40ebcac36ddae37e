"""Crew, ward and dispatch talk in three real Chromium pages; the crew's page is served by its vehicle."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from chromium_pages import RTC, launched
from voice_stage import VoiceHub, vehicle_of

from casebook.words import catalogue
from media.aiortc_private import listen_on

pytestmark = [pytest.mark.browser, pytest.mark.sockets]

SOUND = [
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
]
START = """async ({words, token}) => {
  await import("/media/voice_panel.js");
  window.panel = document.querySelector("voice-panel");
  const say = (key, facts = {}) => (words[key] ?? `?${key}`).replace(/{(\\w+)}/g, (_, name) => facts[name]);
  Object.assign(panel, { token, say });
  panel.unit = "A01";
  window.energies = async () => {
    const of = {};
    for (const entry of (await panel.voice.link.pc.getStats()).values())
      if (entry.type === "inbound-rtp") of[entry.ssrc] = entry.totalAudioEnergy ?? 0;
    return Object.values(of).filter((energy) => energy > 0);
  };
  window.grown = async (least) => {  // how many lines carry sound that goes on
    const before = await energies();
    await new Promise((go) => setTimeout(go, 1500));  // the fake microphone beeps once a second
    const now = await energies();
    return now.filter((energy, n) => energy - (before[n] ?? 0) > 1e-6).length >= least;
  };
  window.shown = () => Object.fromEntries(panel.voice.parties.map((one) => [one.who, one]));
  window.press = (name) => panel.shadowRoot.querySelector(`button.${name}`).click();
  window.says = () => panel.shadowRoot.querySelector("p").textContent;
}"""
WHO = ("A01", "songjiang", "dispatcher")


@pytest.fixture
async def hub() -> AsyncIterator[VoiceHub]:
    listen_on(["127.0.0.1"])
    serving = VoiceHub()
    await serving.start()
    yield serving
    await serving.stop()
    listen_on(None)


@pytest.fixture
async def browser() -> AsyncIterator[Any]:
    async with launched(*RTC, *SOUND) as opened:
        yield opened


@pytest.fixture
async def tablet_url(hub: VoiceHub) -> AsyncIterator[str]:
    vehicle, client = vehicle_of(hub)
    await vehicle.start()
    yield vehicle.url
    await vehicle.stop()
    await client.aclose()


async def open_page(browser, url: str, token: str, *, language: str = "en", first: str = ""):
    page = await (await browser.new_context()).new_page()
    if first:
        await page.add_init_script(first)
    await page.goto(url)
    await page.evaluate(START, {"words": catalogue(language), "token": token})  # type: ignore[arg-type]
    return page


async def until(page, true: str) -> None:
    await page.wait_for_function(true, timeout=30_000)


async def three(browser, hub: VoiceHub, tablet_url: str):
    """Crew, ward and dispatch, all joined."""
    pages = [
        await open_page(browser, tablet_url, "tablet"),
        await open_page(browser, hub.url, "ward"),
        await open_page(browser, hub.url, "dispatch"),
    ]
    for page in pages:
        await page.evaluate("press('join')")
    for page in pages:
        await until(page, f"{len(pages)} === panel.voice.parties.filter((one) => one.state === 'on').length")
        await until(page, "panel.voice.state === 'on' && panel.voice.mic === 'ready'")
    return pages


async def test_three_hear_each_other_and_the_screens_show_who_talks(hub: VoiceHub, browser, tablet_url: str) -> None:
    pages = await three(browser, hub, tablet_url)
    crew, ward, dispatch = pages
    assert [tuple(sorted(await page.evaluate("Object.keys(shown())"))) for page in pages] == [tuple(sorted(WHO))] * 3
    for page in pages:
        await page.evaluate("press('open')")
    for page in pages:
        await until(page, "grown(2)")  # each hears the two others
        await until(page, "Object.values(shown()).every((one) => one.mic === 'open')")
        await until(page, "Object.values(shown()).some((one) => one.talking)")
    # the ward mutes: silence from it, and everybody sees it
    await ward.evaluate("press('mute')")
    for page in (crew, dispatch):
        await until(page, "shown().songjiang.mic === 'muted' && shown().songjiang.talking === false")
        await until(page, "grown(2).then((both) => !both)")
        assert await page.evaluate("grown(1)")  # the third is still heard
        marks = "[...panel.shadowRoot.querySelectorAll('li')].map((one) => one.className)"
        assert "muted" in await page.evaluate(marks)
    assert {("joined", who) for who in WHO} <= set(hub.told)


async def test_the_talk_button_lets_sound_through_only_while_it_is_down(hub: VoiceHub, browser, tablet_url) -> None:
    crew = await open_page(browser, tablet_url, "tablet")
    ward = await open_page(browser, hub.url, "ward")
    for page in (crew, ward):
        await page.evaluate("press('join')")
    for page in (crew, ward):
        await until(page, "shown().A01?.mic === 'ready' && shown().songjiang?.mic === 'ready'")
    button = "document.querySelector('voice-panel').shadowRoot.querySelector('button.talk')"
    await (await crew.evaluate_handle(button)).as_element().hover()
    await crew.mouse.down()
    await until(ward, "shown().A01.mic === 'held' && shown().A01.talking")
    await until(ward, "grown(1)")
    await crew.mouse.up()
    await until(ward, "shown().A01.mic === 'ready' && shown().A01.talking === false")
    await until(ward, "grown(1).then((any) => !any)")
    await crew.evaluate("press('leave')")
    await until(ward, "!shown().A01")
    assert ("spoke", "A01") in hub.told and ("left", "A01", "left") in hub.told


async def test_who_loses_the_link_is_shown_so_and_comes_back(hub: VoiceHub, browser) -> None:
    ward, dispatch = [await open_page(browser, hub.url, token) for token in ("ward", "dispatch")]
    for page in (ward, dispatch):
        await page.evaluate("press('join')")
    await until(dispatch, "shown().songjiang?.state === 'on' && shown().dispatcher")
    lost = next(party for party in hub.plane._parties.values() if party.badge.who == "songjiang")
    await hub.plane.leave(lost.session, "link_lost")
    await until(dispatch, "shown().songjiang.state === 'lost'")
    await until(ward, "panel.voice.joins === 2")
    await until(dispatch, "shown().songjiang.state === 'on'")
    await ward.evaluate("press('open')")
    await until(dispatch, "grown(1)")
    assert hub.told.count(("joined", "songjiang")) == 2 and ("left", "songjiang", "link_lost") in hub.told


async def test_without_a_hub_the_tablet_says_so_and_takes_the_talk_up_again(hub: VoiceHub, browser, tablet_url) -> None:
    crew = await open_page(browser, tablet_url, "tablet", language="zh")
    await until(crew, "says() === '" + catalogue("zh")["media.voice.nobody"] + "'")
    await crew.evaluate("press('join')")
    await until(crew, "panel.voice.state === 'on'")
    await hub.stop()
    await until(crew, "panel.voice.state === 'lost' && panel.voice.unknown && panel.voice.parties.length === 0")
    assert await crew.evaluate("says()") == catalogue("zh")["media.voice.lost"]
    hub.port = hub.serving.port
    hub.__post_init__()
    await hub.start()
    await until(crew, "panel.voice.state === 'on' && panel.voice.parties.length === 1")


NO_MICROPHONE = {
    "denied": "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', 'NotAllowedError'); };",
    "absent": "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', 'NotFoundError'); };",
    "busy": "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', 'NotReadableError'); };",
    "insecure": "Object.defineProperty(navigator, 'mediaDevices', {value: undefined});",
}


async def test_without_a_microphone_one_hears_and_is_told_why(hub: VoiceHub, browser) -> None:
    for why, lacks in NO_MICROPHONE.items():
        ward = await open_page(browser, hub.url, "ward", first=lacks)
        await ward.evaluate("press('join')")
        await until(ward, "panel.voice.state === 'on' && shown().songjiang?.mic === 'none'")
        assert await ward.evaluate("says()") == catalogue("en")[f"media.voice.mic.{why}"]
        assert await ward.evaluate("panel.shadowRoot.querySelector('button.talk').hidden")
        await ward.close()


async def test_who_may_no_more_is_out_of_the_talk_at_once(hub: VoiceHub, browser) -> None:
    ward = await open_page(browser, hub.url, "ward")
    await ward.evaluate("press('join')")
    await until(ward, "panel.voice.state === 'on'")
    hub.barred.add("songjiang")
    await until(ward, "panel.voice.state === 'refused'")
    assert await ward.evaluate("says()") == catalogue("en")["media.voice.refused"]
    assert ("left", "songjiang", "not_allowed") in hub.told


async def test_out_of_sight_or_without_its_microphone_a_screen_only_hears(hub: VoiceHub, browser) -> None:
    ward = await open_page(browser, hub.url, "ward")
    await ward.evaluate("press('join')")
    await until(ward, "panel.voice.state === 'on' && panel.voice.mic === 'ready'")
    await ward.evaluate("press('open'); window.talk = panel.voice; panel.remove()")
    assert await ward.evaluate("[talk.state, talk.mic]") == ["on", "ready"]
    await ward.evaluate("document.body.append(panel)")
    assert await ward.evaluate("panel.voice === talk && panel.voice.joins") == 1
    await ward.evaluate("panel.voice.microphone.track.dispatchEvent(new Event('ended'))")
    await until(ward, "shown().songjiang?.mic === 'none'")
    assert await ward.evaluate("says()") == catalogue("en")["media.voice.mic.unplugged"]
