"""A ward records what it sees; everybody is told; afterwards it is seen again, marks and numbers in their place."""

from __future__ import annotations

import numpy as np
import pytest
from guidance_stage import UNIT, A
from open_screens import Screen, open_page
from test_browser_guidance import HEAD, HELD_AT_THE_WARD, TAIL, drawn, eventually, opened

from casebook.words import LANGUAGES

pytestmark = [pytest.mark.browser, pytest.mark.sockets]

# Plays until a frame has the mark on it, then stands there: the middle of the mark's blue, as shares of the picture.
MARKED = """() => { const video = document.querySelector('video');
  const canvas = document.querySelector('.sight canvas');
  if (!video) return null;
  video.muted = true;
  if (canvas.dataset.held !== '1') { if (video.ended) video.currentTime = 0; video.play(); return null; }
  if (!video.paused) { video.pause(); return null; }
  const { width, height } = canvas, scale = Math.min(width / video.videoWidth, height / video.videoHeight);
  const [w, h] = [video.videoWidth * scale, video.videoHeight * scale];
  const [left, top] = [(width - w) / 2, (height - h) / 2];
  const seen = canvas.getContext('2d').getImageData(0, 0, width, height).data; let n = 0, x = 0, y = 0;
  const sky = (i) => [86, 180, 233].every((level, n) => Math.abs(seen[i + n] - level) < 6) && seen[i + 3] === 255;
  for (let i = 0; i < seen.length; i += 4) if (sky(i)) { n += 1; x += (i / 4) % width; y += Math.floor(i / 4 / width); }
  return n > 50 && { frame: Number(canvas.dataset.frame), at: [(x / n - left) / w, (y / n - top) / h] }; }"""


async def test_what_was_recorded_is_seen_again_with_the_mark_where_it_was(staged, browser) -> None:
    wall, tablet = await opened(browser, staged)
    await wall.says(wall.word("media.recording.off"), ".under .recording")
    await record(wall)
    await wall.says(wall.word("media.recording.on"), ".under .recording.on")
    await tablet.says(tablet.word("media.recording.on"), ".recording.on")
    await wall.touch("[data-colour=sky]")
    await drawn(staged, wall, "arrow", TAIL, HEAD)
    await wall.until("the mark in its place", HELD_AT_THE_WARD)
    (mark,) = staged.hub.book.picture.casualties[A].guidance.marks.values()  # pyright: ignore[reportOptionalMemberAccess]
    await tablet.until("the mark", "() => document.querySelector('.own-picture canvas')?.dataset.held === '1'")
    await tablet.touch("button.end-recording")
    await tablet.touch(f".choices button:has-text('{tablet.word('unit.why_not_recorded.patient')}')")
    await tablet.check()
    await tablet.touch(".sheet .go")
    await wall.says(wall.word("media.recording.replay", name=f"{UNIT}-1"), ".recordings")
    withdrawn = wall.word("media.recording.why.withdrawn", clock="").strip().split(":")[-1]
    await wall.says(withdrawn, ".under .recording.off")
    await tablet.until("no sign", "() => document.querySelector('.recording.on') === null")
    await tablet.says(withdrawn, ".recording.off")
    await say_why(wall, "media.recording.hold", "for review")
    await wall.says("for review", ".recordings .held")
    await wall.check()
    url = await wall.page.evaluate("document.querySelector('.recordings a').href")
    replay = await open_page(browser, "replay", url.replace("/replay?", "/replay?lang=en&"))
    replay.language = "en"
    await replay.says(replay.word("media.replay.past"))
    seen = await replay.until("the mark on the recorded picture", MARKED)
    x, y = staged.scene.carried(((TAIL[0] + HEAD[0]) / 2, (TAIL[1] + HEAD[1]) / 2), mark.drawn.frame, seen["frame"])
    assert np.hypot(seen["at"][0] - x, (seen["at"][1] - y) * 360 / 640) <= 0.05  # number and head pull the middle aside
    await replay.until("the numbers of that moment", "() => document.querySelector('[data-field=hr_bpm] b')?.innerText")
    await eventually(lambda: any(entry.kind == "recording_watched" for entry in staged.hub.book.log.read()))
    for language in LANGUAGES:
        if replay.language != language:
            await replay.touch("button.language")
            replay.language = language
        await replay.says(replay.word("media.replay.past"))
        await replay.check()
    await wall.check()
    await tablet.check()
    await say_why(replay, "media.recording.release", "reviewed")
    await wall.says("reviewed", ".recordings .hold")
    await wall.until("not held any more", "() => document.querySelector('.recordings .held') === null")
    assert wall.complaints == [] and tablet.complaints == [] and replay.complaints == []


async def record(wall: Screen) -> None:
    await wall.touch("button.record")
    await wall.page.fill("form.record input", "teaching")
    await wall.touch("[data-consent=given]")
    await wall.check()
    await wall.touch(f"form.record button:has-text('{wall.word('media.recording.start')}')")


async def say_why(screen: Screen, word: str, reason: str) -> None:
    """The button under which it stands how long a recording is kept, and its form."""
    await screen.touch(f".hold button:has-text('{screen.word(word)}')")
    await screen.page.fill("form.hold input", reason)
    await screen.check()
    await screen.touch(f"form.hold button:has-text('{screen.word(word)}')")
