"""A physician draws on the live picture; the crew sees the mark where it was meant, or that it is lost."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import numpy as np
import pytest
from guidance_stage import TAG, UNIT, WARD, A, Consultation
from open_screens import Screen, open_page
from playwright.async_api import Browser

from casebook.words import LANGUAGES, Language

pytestmark = [pytest.mark.browser, pytest.mark.sockets]

STROKES, STROKE_S, LOOKS = 10, 5.0, 30
OFF_MAX = 0.02  # of the picture's width
TAIL, HEAD = (0.42, 0.42), (0.58, 0.52)  # of the arrow, as shares of the picture
LIVE = """() => document.querySelector('.consult video-tile')?.state === 'live'
  && !!document.querySelector('marks-layer').stamp"""
OWN_LIVE = "() => document.querySelector('.own-picture.live canvas')?.dataset.frame !== undefined"
HELD_AT_THE_WARD = "() => Object.values(document.querySelector('marks-layer').shown).join() === 'held'"
HELD_IN_THE_VEHICLE = "() => document.querySelector('.own-picture canvas')?.dataset.held === '1'"
# Where the ward's screen draws the mark, and on which frame: read in one go, so that both belong together.
PLACE = """() => { const layer = document.querySelector('marks-layer'); const { stamp, book, inForce } = layer;
  const [[id, mark]] = Object.entries(inForce); const m = book.at(stamp)?.marks[id];
  if (!Array.isArray(m)) return null;
  const [x, y] = mark.points[1]; const row = (n) => m[n] * x + m[n + 1] * y + m[n + 2];
  return { frame: book.at(stamp).frame, at: [row(0) / row(6), row(3) / row(6)] }; }"""
# The middle of what is drawn in the arrow's sky blue on the crew's own picture, and the frame that it stands on.
INK = """() => { const canvas = document.querySelector('.own-picture canvas'); const { width, height } = canvas;
  const seen = canvas.getContext('2d').getImageData(0, 0, width, height).data; let n = 0, x = 0, y = 0;
  const sky = (i) => [86, 180, 233].every((level, n) => Math.abs(seen[i + n] - level) < 6);
  for (let i = 0; i < seen.length; i += 4) if (sky(i)) { n += 1; x += (i / 4) % width; y += Math.floor(i / 4 / width); }
  return { frame: Number(canvas.dataset.frame), n, at: [x / n / width, y / n / height] }; }"""
PICTURE_BOX = """() => { const box = document.querySelector('marks-layer').getBoundingClientRect();
  const scale = Math.min(box.width / 640, box.height / 360);
  return [box.x + (box.width - 640 * scale) / 2, box.y + (box.height - 360 * scale) / 2, 640 * scale, 360 * scale]; }"""
POINTED = """() => document.querySelector('marks-layer').book.kept
  .some((places) => Object.keys(places.pointers).length > 0)"""
LOST = "() => document.querySelector('marks-layer').lost.innerText"

# What a screen knows of a picture's places: of that frame, of one shortly before it, or nothing.
BOOK = """async () => { const { PlaceBook } = await import('/media/marks_link.js'); const book = new PlaceBook();
  const told = (frame, wall_ms) => book.add({ frame, wall_ms, marks: {}, pointers: {}, tags: {} });
  const at = (frame, wallMs) => book.at({ frame, wallMs })?.frame ?? null;
  told(10, 1000); told(11, 1066); told(13, 1200);
  const known = [at(11, 1066), at(12, 1133), at(14, 1266), at(17, 1466), at(9, 933), at(11, 9999), book.at(null)];
  told(2, 9000);
  return [...known, at(13, 1200), at(2, 9000)]; }"""


async def opened(browser: Browser, staged: Consultation) -> tuple[Screen, Screen]:
    """The ward's consult and the crew's picture, both live, in English."""
    wall, tablet = [
        await open_page(browser, name, url) for name, url in (("wall", staged.wall_url), ("tablet", staged.tablet_url))
    ]
    for screen in (wall, tablet):
        screen.language = "en"
    await wall.page.wait_for_selector(".consult-open", timeout=120_000)
    await wall.touch(".consult-open")
    await wall.until("the live picture", LIVE)
    await tablet.page.wait_for_selector(".pages", timeout=120_000)
    await tablet.page.click(f".pages button:has-text('{tablet.word('unit.page.picture')}')")
    await tablet.until("the crew's own picture", OWN_LIVE)
    return wall, tablet


async def drag(wall: Screen, tool: str, *points: tuple[float, float]) -> None:
    await wall.touch(f"[data-tool={tool}]")
    await wall.until(f"{tool} in the hand", "(tool) => document.querySelector('marks-layer').tool === tool", tool)
    left, top, width, height = await wall.page.evaluate(PICTURE_BOX)
    where = [(left + x * width, top + y * height) for x, y in points]
    await wall.page.mouse.move(*where[0])
    await wall.page.mouse.down()
    for at in where[1:]:
        await wall.page.mouse.move(*at, steps=6)
    await wall.page.mouse.up()


async def drawn(staged: Consultation, wall: Screen, tool: str, *points: tuple[float, float]) -> None:
    """A stroke that begins just while no picture is there draws nothing, and says so: then the hand draws again."""
    for _ in range(STROKES):
        await drag(wall, tool, *points)
        with contextlib.suppress(TimeoutError):
            await eventually(lambda: staged.hub.book.picture.casualties[A].guidance is not None)
            return
    pytest.fail(f"{STROKES} strokes drew nothing")


async def eventually(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(STROKE_S):
        while not true():  # noqa: ASYNC110 - the book has no event for it
            await asyncio.sleep(0.05)


async def freeze(wall: Screen) -> None:
    """As with a stroke: while no picture is there, there is nothing to freeze."""
    for _ in range(STROKES):
        await wall.touch(".freeze")
        if await wall.page.evaluate("document.querySelector('marks-layer').isFrozen"):
            return
        await asyncio.sleep(0.5)
    pytest.fail("never frozen")


def off(seen: dict, scene, drawn_on: int, point: tuple[float, float]) -> float:
    x, y = scene.carried(point, drawn_on, seen["frame"])
    return float(np.hypot(seen["at"][0] - x, (seen["at"][1] - y) * 360 / 640))


async def test_an_arrow_sticks_to_the_scene_on_both_screens_and_is_lost_when_nobody_can_know(staged, browser) -> None:
    wall, tablet = await opened(browser, staged)
    await wall.touch("[data-colour=sky]")
    await drawn(staged, wall, "arrow", TAIL, HEAD)
    await wall.until("the mark in its place", HELD_AT_THE_WARD)
    await tablet.until("the mark in its place", HELD_IN_THE_VEHICLE)
    (mark,) = staged.hub.book.picture.casualties[A].guidance.marks.values()  # pyright: ignore[reportOptionalMemberAccess]
    assert (mark.drawn.author, mark.drawn.unit, mark.drawn.colour) == (WARD, UNIT, "sky")
    assert np.abs(np.array(mark.drawn.points) - (TAIL, HEAD)).max() < 0.01
    await it_is_where_it_was_meant(staged, wall, tablet, mark.drawn.frame)
    await a_covered_camera_is_said(staged, wall, tablet)
    await the_mark_is_taken_back(staged, wall, tablet)
    await the_screens_are_for_everybody(wall, tablet)
    assert wall.complaints == [] and tablet.complaints == []


async def it_is_where_it_was_meant(staged: Consultation, wall: Screen, tablet: Screen, drawn_on: int) -> None:
    """On frames a second apart, until the camera has panned by more than twice what a mark may be off."""
    middle = ((TAIL[0] + HEAD[0]) / 2, (TAIL[1] + HEAD[1]) / 2)
    first = (await tablet.until("ink", INK))["frame"]
    places = []
    while len(places) < 3 or np.ptp(np.array(places), axis=0).max() <= 2 * OFF_MAX:
        assert len(places) < LOOKS, "the camera did not pan"
        seen = await wall.until("the mark's place", PLACE)
        assert off(seen, staged.scene, drawn_on, HEAD) <= OFF_MAX
        places.append(seen["at"])
        ink = await tablet.until(
            "ink", f"() => {{ const seen = ({INK})(); return seen.frame >= {first} && seen.n > 50 && seen; }}"
        )
        assert off(ink, staged.scene, drawn_on, middle) <= 0.05  # the number and the head pull the ink's middle aside
        first = ink["frame"] + 15


async def a_covered_camera_is_said(staged: Consultation, wall: Screen, tablet: Screen) -> None:
    staged.scene.covered = True
    await tablet.says(tablet.word("media.mark.why.dark"), ".unplaced")
    await wall.until("the loss", f"() => ({LOST})().includes('{wall.word('media.mark.why.dark')}')")
    assert await tablet.page.evaluate("document.querySelector('.own-picture canvas').dataset.held") == "0"
    assert await wall.page.evaluate("Object.values(document.querySelector('marks-layer').shown).join()") == "lost"
    staged.scene.covered = False
    await tablet.until("the mark again", HELD_IN_THE_VEHICLE)
    await wall.until("the mark again", HELD_AT_THE_WARD)


async def the_mark_is_taken_back(staged: Consultation, wall: Screen, tablet: Screen) -> None:
    await wall.page.click(f".tools button:has-text('{wall.word('media.mark.undo')}')")
    await tablet.until("no mark", "() => document.querySelector('.own-picture canvas')?.dataset.held === '0'")
    await wall.until("no mark", "() => Object.keys(document.querySelector('marks-layer').shown).length === 0")
    assert staged.hub.book.picture.casualties[A].guidance.marks == {}


async def the_screens_are_for_everybody(wall: Screen, tablet: Screen) -> None:
    for language in LANGUAGES:
        for screen in (wall, tablet):
            await speak(screen, language)
            await screen.check()


async def speak(screen: Screen, language: Language) -> None:
    if screen.language != language:
        await screen.touch("button.language")
        screen.language = language
    await screen.says(screen.word("hospital.consult.close" if screen.name == "wall" else "unit.picture.hide"))


async def test_ink_on_a_frozen_frame_a_still_and_an_order_read_back(staged, browser) -> None:
    wall, tablet = await opened(browser, staged)
    too_late, too_early, of_another_start, unstamped, of_the_camera_before = [None] * 5
    assert await wall.page.evaluate(BOOK) == [
        11, 11, 13, too_late, too_early, of_another_start, unstamped, of_the_camera_before, 2,
    ]  # fmt: skip
    await freeze(wall)
    words = wall.word("media.mark.frozen")
    await wall.until(
        "that it is frozen", "(words) => document.querySelector('marks-layer').banner.textContent === words", words
    )
    frozen = await wall.page.evaluate("document.querySelector('marks-layer').frozen.stamp.frame")
    await drag(wall, "ink", (0.55, 0.45), (0.60, 0.60), (0.66, 0.45))
    await wall.until("the ink on the frozen frame", HELD_AT_THE_WARD)
    await tablet.until("the ink where that is now", HELD_IN_THE_VEHICLE)
    await wall.touch(".stills .keep")
    await wall.until("the still kept in the case", "() => document.querySelector('.stills img')?.naturalWidth === 640")
    await wall.touch(".freeze")
    seen = await wall.until("the mark's place on the live picture", PLACE)
    guidance = staged.hub.book.picture.casualties[A].guidance
    (mark,), (still,) = guidance.marks.values(), guidance.snapshots.values()
    assert mark.drawn.frame == frozen == still.taken.frame and still.taken.marks == (mark.drawn.mark,)
    assert off(seen, staged.scene, frozen, mark.drawn.points[1]) <= OFF_MAX
    await a_tag_in_the_picture_is_tied_to_the_casualty(staged, tablet)
    await an_order_is_read_back(staged, wall, tablet)
    await the_numbers_are_hidden_with_one_tap(tablet)
    await somebody_points(staged, wall, tablet)
    assert wall.complaints == [] and tablet.complaints == []


async def a_tag_in_the_picture_is_tied_to_the_casualty(staged: Consultation, tablet: Screen) -> None:
    await tablet.says(tablet.word("unit.picture.tie", n=TAG, label="A"), ".loose")
    await tablet.touch(".loose button")
    await tablet.until(
        "no loose tag", "() => document.querySelector('.own-picture.live') && !document.querySelector('.loose')"
    )
    assert staged.vehicle.agent.view["casualties"][A]["tag"] == TAG


async def an_order_is_read_back(staged: Consultation, wall: Screen, tablet: Screen) -> None:
    words = "Pelvic binder on, no log roll"
    await wall.page.fill(".message-box input:not([type=checkbox])", words)
    await wall.page.check(".message-box .order input")
    await wall.page.click(".message-box button[type=submit]")
    await wall.says(wall.word("hospital.order_state.sent"), ".orders .red")
    await tablet.says(words, ".banner.order")
    await tablet.touch(".banner.order button")
    await wall.says(wall.word("hospital.order_state.read_back"), ".orders")
    (order,) = staged.hub.book.picture.messages.values()
    assert order.read_back == words and order.read_by


async def the_numbers_are_hidden_with_one_tap(tablet: Screen) -> None:
    await tablet.until("numbers", "() => document.querySelectorAll('.hud .figure').length >= 4")
    free = await tablet.page.evaluate(
        """() => { const whole = document.querySelector('.own-picture').getBoundingClientRect();
          return [...document.querySelectorAll('.hud .figure')].every((one) => {
            const box = one.getBoundingClientRect();
            return box.right <= whole.left + 0.2 * whole.width || box.left >= whole.right - 0.2 * whole.width; }); }"""
    )
    assert free, "a number stands in the middle of the picture"
    await tablet.touch(".own-picture canvas")
    await tablet.until("no number", "() => document.querySelectorAll('.hud .figure').length === 0")


async def somebody_points(staged: Consultation, wall: Screen, tablet: Screen) -> None:
    """A pointer is seen by the crew while it is held there, and is in no record."""
    before = staged.hub.book.picture.seq
    await wall.touch("[data-tool=point]")
    left, top, width, height = await wall.page.evaluate(PICTURE_BOX)

    async def pointing() -> None:
        step = 0
        while True:
            await wall.page.mouse.move(left + (0.5 + 0.01 * (step % 2)) * width, top + 0.5 * height)
            step += 1
            await asyncio.sleep(0.1)

    task = asyncio.create_task(pointing())
    try:
        await wall.until("the pointer's place", POINTED)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    facts = {entry.kind for entry in staged.hub.book.log.read(before)}
    assert not facts & {"mark_drawn", "marks_removed"}
