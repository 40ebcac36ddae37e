"""The wall in a real Chromium: legible at 4 m, never lying when a feed is lost, worked by touch, in both languages."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from chromium_pages import RTC, page_of
from playwright.async_api import Page
from wall_stage import PATIENCE_S, REPO, WallStage, eventually
from ward_story import (
    AMBULANCE,
    SEVERE,
    SONGJIANG,
    after,
    arrived,
    at,
    enrolled,
    expected,
    on_scene,
    prealerted,
    stated,
)

from casebook import events as e
from casebook.casualty import Category, Findings
from casebook.clock import SHANGHAI
from casebook.desks import do_due
from casebook.picture import Picture
from casebook.words import Language, say
from media.waveforms import Numerics

pytestmark = [pytest.mark.browser, pytest.mark.sockets]
A = "I1-A"
LEGIBLE_PX = 41.0  # 16 arcmin cap height at 4 m on a 55" wall of 1080 lines; NUREG-0700 r3, ISO 9241-3
NUMBERS = {"hr_bpm": 132, "spo2_pct": 91, "sbp_mmhg": 84, "dbp_mmhg": 52, "rr_bpm": 28, "etco2_mmhg": 29}
LONG = replace(
    SEVERE, concern="Haemorrhagic shock, pelvic fracture, pressure falling in spite of fluids",
    ask=("trauma team level I", "massive transfusion", "interventional radiology", "CT"),
    mechanism="Car into lorry, driver trapped for twenty minutes, steering wheel bent",
    injuries=("unstable pelvis", "open left femur", "right haemopneumothorax"),
    treatments=("pelvic binder", "tranexamic acid 1 g", "needle decompression", "crystalloid 500 ml"),
)  # fmt: skip
# Every text that is drawn, also inside shadow roots, with its size on the glass. What a hand touches is read near.
TEXTS = """() => {
  const found = [];
  const near = (node) => { for (let n = node; n; n = n.parentElement ?? n.getRootNode().host)
    if (n.matches?.('.near, button, form, dialog, .unseen')) return true; return false; };
  const walk = (root) => {
    for (const node of root.childNodes) {
      if (node.nodeType === 3 && node.textContent.trim()) {
        const box = node.parentElement ?? root.host;
        const range = document.createRange(); range.selectNodeContents(node);
        if (!range.getClientRects().length || getComputedStyle(box).visibility === 'hidden') continue;
        const scale = box.closest?.('svg') ? box.closest('svg').getScreenCTM().a : 1;
        found.push({ text: node.textContent.trim(), px: parseFloat(getComputedStyle(box).fontSize) * scale,
          near: near(box), animated: getComputedStyle(box).animationName });
      } else if (node.nodeType === 1 && !['STYLE', 'SCRIPT'].includes(node.tagName)) {
        if (node.shadowRoot) walk(node.shadowRoot);
        walk(node);
      }
    }
  };
  walk(document.body);
  return found;
}"""
# Whatever reaches beyond the card or strip that it belongs to; inline text is drawn within its line's box.
OUTSIDE = """() => { const out = [];
  for (const card of document.querySelectorAll('.card, .top, .capacity, .queue')) {
    const frame = card.getBoundingClientRect();
    for (const node of card.querySelectorAll('*')) {
      const box = node.getBoundingClientRect();
      const beyond = box.right > frame.right + 2 || box.bottom > frame.bottom + 2;
      const drawn = box.width && getComputedStyle(node).display !== 'inline';
      if (beyond && drawn && !node.closest('.unseen, .drill-frame, svg, .editor'))
        out.push(`${node.className || node.tagName} ${(node.textContent || '').slice(0, 30)}`);
    }
  }
  return [...out, ...(document.documentElement.scrollHeight > innerHeight + 1 ? ['the page scrolls'] : [])]; }"""
INK = """() => [...document.querySelectorAll('sweep-wave')].map(({ canvas: c }) => { if (!c.width) return 0;
  const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
  let lit = 0; for (let i = 3; i < d.length; i += 4) lit += d[i] > 0; return lit; })"""
SIGNS = "() => [...document.querySelectorAll('.sign b')].map((one) => one.textContent)"


def many(count: int) -> Picture:
    """`count` casualties expected, the first severe with long words, in the colours of a crash."""
    picture = prealerted(on_scene(stated(enrolled(), 4, 6), findings=LONG))
    colours = (Category.YELLOW, Category.GREEN, Category.YELLOW, Category.GREEN, Category.BLACK)
    for slot, (label, colour) in enumerate(zip("BCDEF"[: count - 1], colours, strict=False), start=2):
        casualty = f"I1-{label}"
        picture = on_scene(picture, casualty, Findings(concern="Closed femur fracture", ask=("orthopaedics",)))
        picture = after(picture, 335, e.CasualtyTriaged(casualty, "start", colour, "crew"))
        picture = prealerted(picture, casualty, slot=slot)
    picture = after(picture, 405, e.CasualtyBoarded(A, AMBULANCE), e.UnitLeftScene(AMBULANCE))
    thin = e.PictureQualityChanged(AMBULANCE, "stills", "link_thin")
    return after(picture, 405, thin, e.DrillStarted("test", 1, 1.0, "delta"))


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with page_of(1920, 1080, *RTC) as opened:
        yield opened


@pytest.fixture
async def stage() -> AsyncIterator[WallStage]:
    on_it = WallStage(expected())
    yield on_it
    await on_it.stop()


async def show(stage: WallStage, page: Page, picture: Picture, language: Language = "zh") -> None:
    """Start the hub with this picture and open its wall."""
    stage.book.picture = picture
    await stage.start()
    await page.goto(stage.page(language))
    await page.wait_for_selector(".card", timeout=PATIENCE_S * 1000)


async def seen(page: Page, true: str, argument: object = None) -> None:
    await page.wait_for_function(true, arg=argument, timeout=PATIENCE_S * 1000)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 6])
async def test_every_word_is_legible_at_four_metres_and_nothing_leaves_its_card(
    stage: WallStage, page: Page, count: int
):
    await show(stage, page, many(count), "zh")
    for label in "ABCDEF"[:count]:
        await stage.vitals(f"I1-{label}", **NUMBERS, nibp_at=at(300).isoformat())
    await seen(page, "() => [...document.querySelectorAll('[data-sign=hr] b')].every((b) => b.textContent === '132')")
    await check_legible(page, "zh")
    await page.click(".language")
    await seen(page, "(words) => document.body.innerText.includes(words)", say("hospital.ask", "en"))
    await check_legible(page, "en")


async def check_legible(page: Page, language: Language) -> None:
    texts = await page.evaluate(TEXTS)
    assert [one for one in texts if not one["near"] and one["px"] < LEGIBLE_PX - 0.1] == []
    assert [one for one in texts if one["near"] and one["px"] < 22] == []
    assert await page.evaluate(OUTSIDE) == []
    said = " ".join(one["text"] for one in texts)
    assert say("drill.mark", language) in said and say("triage.red", language) in said
    assert not re.findall(r"\b(?:hospital|alarm|media|triage|link)\.[a-z_]+", said), "a raw key on the wall"


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_the_hospitals_own_long_name_is_whole(stage: WallStage, page: Page, language: Language):
    picture = many(4)
    zh, en = "上海市第一人民医院南部（松江）院区", "Shanghai General Hospital, South (Songjiang) campus"
    long = replace(picture.hospitals[SONGJIANG], name_zh=zh, name_en=en)
    await show(stage, page, replace(picture, hospitals={**picture.hospitals, SONGJIANG: long}), language)
    name = page.locator(".top h1")
    assert await name.inner_text() == {"zh": zh, "en": en}[language]
    assert await name.evaluate(
        "(h) => h.scrollWidth <= h.clientWidth + 1 && getComputedStyle(h).overflow === 'visible'"
    )
    mark, told = await page.locator(".drill-frame span").bounding_box(), await name.bounding_box()
    assert mark is not None and told is not None
    assert told["x"] + told["width"] <= mark["x"], "clear of the mark of a drill"
    assert await page.evaluate(OUTSIDE) == []


async def test_the_headline_and_the_ask_stand_above_atmist(stage: WallStage, page: Page):
    await show(stage, page, many(1), "en")
    tops = await page.evaluate(
        "() => ['.concern', '.ask', '.atmist'].map((part) => document.querySelector(part).getBoundingClientRect().top)"
    )
    assert tops == sorted(tops)
    assert "Haemorrhagic shock" in await page.inner_text(".concern")
    assert [letter async for letter in _texts(page, ".atmist abbr")] == ["A", "T", "M", "I", "S", "T", "E"]


async def _texts(page: Page, selector: str):
    for one in await page.query_selector_all(selector):
        yield await one.inner_text()


async def test_a_silent_monitor_leaves_no_number_and_no_line(stage: WallStage, page: Page):
    await show(stage, page, many(1), "en")
    stage.send_from(AMBULANCE, video=False)
    await stage.vitals(**NUMBERS, temp_c=35.4)
    await seen(page, "() => document.querySelector('[data-sign=hr] b').textContent === '132'")
    await seen(page, f"() => ({INK})().every((lit) => lit > 50)")
    await stage.silence()
    stage.clock.forward(20)
    stage.feed.refresh(stage.book.picture)
    await seen(page, f"() => ({SIGNS})().every((text) => !/[0-9]/.test(text))")
    await seen(page, f"() => ({INK})().every((lit) => lit === 0)")
    assert not re.search(r"\d", await page.inner_text(".scores"))
    assert say("hospital.monitor.lost", "en") in await page.inner_text(".line")
    words = await page.evaluate("() => [...document.querySelectorAll('sweep-wave')].map((w) => w.words.textContent)")
    assert all(word for word in words)
    await stage.vitals(**NUMBERS)
    await seen(page, "() => document.querySelector('[data-sign=hr] b').textContent === '132'")


async def test_a_number_comes_by_the_quicker_of_record_and_live_channel(stage: WallStage, page: Page):
    await show(stage, page, many(1), "en")
    stage.send_from(AMBULANCE, video=False)
    await stage.vitals(**NUMBERS, nibp_at=at(300).isoformat())
    await seen(page, "() => document.querySelector('[data-sign=hr] b').textContent === '132'")
    await seen(page, f"() => ({INK})().every((lit) => lit > 50)")
    stage.clock.forward(20)
    stage.feed.refresh(stage.book.picture)
    live = Numerics(A, 1, stage.clock.now(), {"hr_bpm": 140, "sbp_mmhg": 60, "spo2_pct": None})
    assert stage.waves.send_numerics(live)
    await seen(page, "() => document.querySelector('[data-sign=hr] b').textContent === '140'")
    await seen(page, "() => document.querySelector('[data-sign=spo2] b').textContent === '--'")  # not known there
    assert await page.inner_text("[data-sign=bp] b") == "84/52", "a cuff's pressure keeps its own instant"
    await stage.vitals(hr_bpm=141)
    await seen(page, "() => document.querySelector('[data-sign=hr] b').textContent === '141'")


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_the_card_says_whether_every_sample_is_in_the_record(stage: WallStage, page: Page, language: Language):
    """Ten were taken at the vehicle and eight came; two wait there, then they come, too."""
    await show(stage, page, many(1), language)
    sign = "(told) => document.querySelector('.ledger')?.textContent.endsWith(told)"

    async def sampled(*seconds: int) -> None:
        for second in seconds:
            await stage.tell(e.VitalsRecorded(A, AMBULANCE, dict(NUMBERS)), at=at(400 + second))

    async def counted(waiting: int) -> None:
        await stage.tell(e.SamplesCounted(AMBULANCE, A, at(400), at(409), 10, 0, 0, waiting))

    await sampled(0, 1, 2, 3, 4, 7, 8, 9)
    await seen(page, "() => document.querySelector('[data-sign=hr] b')?.textContent === '132'")
    assert await page.query_selector(".ledger") is None, "nobody has counted yet"
    await counted(waiting=12)
    await seen(page, sign, say("hospital.ledger.waiting", language, n=2))
    assert await page.evaluate(OUTSIDE) == []
    await counted(waiting=0)
    await seen(page, sign, say("hospital.ledger.lost", language, n=2))
    assert await page.evaluate(OUTSIDE) == []
    await sampled(5, 6)
    await seen(page, sign, say("hospital.ledger.complete", language, clock=f"{at(409).astimezone(SHANGHAI):%H:%M}"))
    assert await page.evaluate(OUTSIDE) == []


async def test_what_is_news_stays_on_the_card_when_room_is_scarce(stage: WallStage, page: Page):
    picture = after(many(2), 420, e.PrealertAcknowledged(A, SONGJIANG, "sister Li"))
    news = replace(LONG, treatments=("second chest drain",))
    await show(stage, page, after(picture, 425, e.FindingsRecorded(A, news)), "en")
    shown = await page.inner_text(f"[data-casualty='{A}'] .atmist")
    assert "second chest drain" in shown and say("hospital.seen.changed", "en") in shown


async def test_before_any_measurement_there_is_no_line_and_no_number(stage: WallStage, page: Page):
    await show(stage, page, many(1), "zh")
    assert set(await page.evaluate(SIGNS)) == {"--"}
    assert await page.evaluate(INK) == [0, 0]
    assert say("hospital.monitor.never", "zh") in await page.inner_text(".line")


async def test_a_lost_hub_is_said_and_blanks_all_numbers_and_comes_back_by_itself(stage: WallStage, page: Page):
    await show(stage, page, many(1), "en")
    await stage.vitals(**NUMBERS, gcs_eye=3, gcs_verbal=4, gcs_motor=6)
    await seen(page, "() => document.querySelector('[data-sign=gcs] b').textContent === '13'")
    await stage.stop()
    await seen(page, f"() => ({SIGNS})().every((text) => text === '--') && !!document.querySelector('.hub-lost')")
    assert await page.inner_text(".countdown b") == "--:--"
    assert await page.inner_text(".clock") == "--:--:--"
    assert "Haemorrhagic shock" in await page.inner_text(".concern"), (
        "what the crew told stays, with words that it is old"
    )
    await stage.start()
    await stage.vitals(**NUMBERS)
    await seen(page, "() => document.querySelector('[data-sign=hr] b').textContent === '132'")
    assert await page.query_selector(".hub-lost") is None


async def test_alarm_lamps_flash_at_their_rates_and_no_text_ever_does(stage: WallStage, page: Page):
    await show(stage, page, many(1), "en")
    await stage.vitals(**{**NUMBERS, "spo2_pct": 80}, temp_c=34.0)
    await seen(page, "() => ['high', 'medium'].every((how) => document.querySelector(`.sign.${how} .lamp.${how}`))")
    hertz = await page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll('.lamp')].map((lamp) => {
          const look = getComputedStyle(lamp);
          return [lamp.classList[1], look.animationName === 'none' ? 0 : 1 / parseFloat(look.animationDuration)];
        }))"""
    )
    assert 1.4 <= hertz["high"] <= 2.8  # IEC 60601-1-8, by two makers' manuals
    assert 0.4 <= hertz["medium"] <= 0.8
    assert hertz.get("low", 0) == 0
    assert [one for one in await page.evaluate(TEXTS) if one["animated"] != "none"] == []
    assert "*** " + say("alarm.desaturation", "en") in await page.inner_text(".monitor")


async def test_every_triage_mark_has_a_word_a_numeral_and_a_shape_of_its_own(stage: WallStage, page: Page):
    await show(stage, page, many(6), "en")
    marks = await page.evaluate(
        "() => [...document.querySelectorAll('.triage')].map((mark) => [mark.querySelector('text').textContent,"
        " mark.querySelector('path').getAttribute('d'), mark.textContent])"
    )
    assert {numeral for numeral, _, _ in marks} == {"I", "II", "III", "0"}
    assert len({(numeral, shape) for numeral, shape, _ in marks}) == len({shape for _, shape, _ in marks}) == 4
    assert all(len(text) > len(numeral) for numeral, _, text in marks)


async def test_a_ward_works_the_case_by_touch(stage: WallStage, page: Page):
    await show(stage, page, expected(4, 6), "en")
    assert await page.query_selector(".card.waiting")
    await page.click(".next.acknowledge")
    await seen(page, "() => !document.querySelector('.card.waiting')")
    await page.click("text=R3")
    await seen(page, "() => document.querySelector('.bay-mark')?.textContent === 'R3'")
    await page.click(f"text={say('hospital.call_level.1', 'en')}")
    await page.click("[data-member=anaesthetist]")
    await page.click("[data-member=anaesthetist].coming")
    await seen(page, "() => document.querySelector('[data-member=anaesthetist].ready')")
    await page.fill(".message-box input", "tranexamic acid 1 g")
    await page.check(".order input")
    await page.click(f".message-box >> text={say('hospital.send', 'en')}")
    await seen(page, "() => document.querySelector('.message.red')")
    (message,) = stage.book.picture.messages.values()
    await stage.tell(e.MessageRead(message.id, "medic", "tranexamic acid one gram"))
    await seen(page, "() => !document.querySelector('.message.red')")
    state = stage.book.picture.casualties[A]
    assert (state.acknowledged_by, state.bay, state.members["anaesthetist"][0]) == ("sister Li", "R3", "ready")


async def test_the_ward_signs_and_clears_the_bay(stage: WallStage, page: Page):
    await show(stage, page, after(arrived(expected()), 1310, e.BayAssigned(A, SONGJIANG, "R1")), "en")
    stage.clock.forward(910)
    await page.click(".next.sign")
    await seen(page, "() => document.querySelector('.waiting')")
    await stage.tell(e.HandoverSigned(A, "crew", "medic Chen"))
    await do_due(stage.book, stage.room)
    await seen(page, "() => document.querySelector('.countdown.done')")
    await page.click(".next.clear")
    await seen(page, "() => !document.querySelector('.next.clear')")
    assert stage.book.picture.casualties[A].bay is None


async def test_one_tap_changes_a_count_and_what_is_refused_is_said(stage: WallStage, page: Page):
    await show(stage, page, expected(3, 3), "en")
    figure = "[data-resource=resus_bay]"
    await page.click(f"{figure} .count button:first-child")
    await seen(page, f"() => document.querySelector('{figure} .still').textContent === '2/3'")
    await page.click(f"{figure} .name")
    await page.fill("dialog input[name=free]", "9")
    await page.click(f"dialog >> text={say('hospital.state', 'en')}")
    await seen(page, "() => document.querySelector('.refused')")
    assert "9 free of 3" in await page.inner_text(".refused")
    await page.fill("dialog .close input", "power cut")
    await page.click(f"dialog .close >> text={say('hospital.close', 'en')}")
    await seen(page, f"() => document.querySelector('{figure}.closed')")
    picture = stage.book.picture.hospitals[SONGJIANG]
    assert picture.figures["resus_bay"].free == 2 and picture.closures["resus_bay"].reason == "power cut"


async def test_every_count_is_one_tap_away_and_who_was_sent_all_the_same_is_named(stage: WallStage, page: Page):
    closed = e.Option(SONGJIANG, "road", 900, {}, reasons=(e.Reason("closed", {"resource": "ct"}),))
    sent = e.DestinationChosen(A, closed, (), "nearest blood")
    await show(stage, page, after(expected(), 405, sent), "en")
    assert "1 forced in" in await page.inner_text(".capacity .all")
    await page.click(".capacity .all")
    await page.click(".desk [data-resource=resuscitation] .count button:last-child")
    await seen(page, "() => document.querySelector('.desk [data-resource=resuscitation] .still').textContent === '1'")
    assert stage.book.picture.hospitals[SONGJIANG].figures["resuscitation"].in_use == 1
    assert "although closed: nearest blood" in await page.inner_text(".forced-list")
    assert await page.inner_text(".desk [data-resource=resus_bay] .chance") in [f"{n}%" for n in range(1, 100)]


async def test_the_ward_refuses_with_a_reason_and_may_accept_after_all(stage: WallStage, page: Page):
    await show(stage, page, expected(), "en")
    await page.fill(".message-box input", "no theatre staff")
    await page.click(".message-box .refuse")
    await seen(page, "() => document.querySelector('.next')?.textContent.startsWith('Refused')")
    assert stage.book.picture.casualties[A].refusals[SONGJIANG].reason == "no theatre staff"
    await page.click(".next")
    await seen(page, "() => !document.querySelector('.next')")
    assert stage.book.picture.casualties[A].refusals == {}


async def test_a_count_nobody_stated_is_a_question_mark_not_a_number(stage: WallStage, page: Page):
    await show(stage, page, expected(), "en")
    assert await page.inner_text("[data-resource=ct] .still") == "?"


async def test_a_touched_card_opens_and_a_new_prealert_closes_it_again(stage: WallStage, page: Page):
    await show(stage, page, many(2), "en")
    await page.click("[data-casualty=I1-B] .concern")
    await seen(page, "() => document.querySelector('.card.whole')?.dataset.casualty === 'I1-B'")
    await page.click(".next.acknowledge")
    await seen(page, "() => document.querySelectorAll('.card').length === 2")


async def test_an_unknown_link_is_told_in_words_and_shows_no_patient(stage: WallStage, page: Page):
    await stage.start()
    await page.goto(f"{stage.url}/wall?lang=en#not-a-token")
    await seen(page, "(words) => document.body.innerText.includes(words)", say("error.unknown_token", "en")[:30])
    assert await page.query_selector(".card") is None


async def test_the_wall_asks_nothing_of_another_host_and_switches_language_whole(stage: WallStage, page: Page):
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await show(stage, page, many(4), "zh")
    assert await page.evaluate("document.documentElement.lang") == "zh-CN"
    await page.click(".language")
    await seen(page, "(words) => document.body.innerText.includes(words)", say("hospital.ask", "en"))
    assert await page.evaluate("document.documentElement.lang") == "en"
    assert {url.split("/")[2] for url in asked if not url.startswith(("data:", "blob:"))} == {f"127.0.0.1:{stage.port}"}


@pytest.mark.parametrize("count", [1, 4])
async def test_no_rule_of_accessibility_is_broken(stage: WallStage, page: Page, count: int):
    await show(stage, page, many(count), "en")
    await stage.vitals(**NUMBERS)
    await seen(page, "() => document.querySelector('[data-sign=hr] b').textContent === '132'")
    await page.add_script_tag(path=str(REPO / "node_modules" / "axe-core" / "axe.min.js"))
    found = await page.evaluate(
        "async () => (await axe.run()).violations.map((v) => [v.id, v.nodes.map((n) => n.html)])"
    )
    assert found == []


async def test_the_picture_of_the_vehicle_is_live_on_the_wall(stage: WallStage, page: Page):
    await show(stage, page, many(1), "zh")
    stage.send_from(AMBULANCE)
    await seen(page, "() => document.querySelector('video-tile').framesShown >= 10")
    await eventually(lambda: stage.plane.stats(AMBULANCE) is not None, "the plane counts the stream")


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_the_wall_says_how_well_the_picture_comes_and_why(stage: WallStage, page: Page, language: Language):
    await show(stage, page, after(many(1), 406, e.VideoStarted(AMBULANCE, AMBULANCE)), language)
    stills = f"{say('media.rung.stills', language)} · {say('media.rung_why.link_thin', language)} · "
    assert stills in await page.inner_text(".picture .quality")
    await stage.tell(e.PictureQualityChanged(AMBULANCE, "video_480p15", "link_better"))
    better = say("media.rung.video_480p15", language)
    await seen(page, "(words) => document.querySelector('.picture .quality').textContent.includes(words)", better)
    assert "480p" in better
    await stage.tell(e.VideoStopped(AMBULANCE, AMBULANCE))
    unknown = say("media.quality.missing.now", language)
    await seen(page, "(words) => document.querySelector('.picture .quality').textContent === words", unknown)
