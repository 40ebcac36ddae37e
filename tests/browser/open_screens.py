"""The screens of a drill, open in one headless Chromium, each watched for what must never happen on any of them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from chromium_pages import RTC, chromium, is_local, launched
from playwright.async_api import Browser, Page, WebSocket

from aboard.drill import Drill
from casebook.log import Entry
from casebook.screens import browser_libraries
from casebook.sqlite_log import SqliteLog
from casebook.words import Language
from casebook.words import say as word
from media.aiortc_private import listen_on
from scenarios.format import Scenario
from scenarios.player import Played
from scenarios.report import folded

PATIENCE_S = 180.0  # a bound for a busy machine, not an expectation
ANSWER_S = 60.0  # for one answer of a page: what it never gives must not be waited for
LOOK_S = 0.1
BEHIND_S, BREATH_S = 0.6, 1.0  # wall seconds a step may be late before the clock waits, and how long it does at most
A = "20210418-001-A"  # the severe casualty: incident number and label
CREW, AIRCRAFT, WARD = "SJ-5G-01", "rescue_helicopter", "sgh_south"
SIZES = {
    "console": (1600, 900),
    "wall": (1920, 1080),
    "tablet": (1280, 800),
    "aircraft": (1280, 800),
    "report": (1400, 1000),
    "replay": (1400, 900),
}
HTML_LANG: dict[Language, str] = {"zh": "zh-CN", "en": "en"}
AXE = (
    """async () => (await axe.run()).violations.map((v) => [v.id, v.help, v.nodes.map((n) => n.html.slice(0, 200))])"""
)
# Whatever a reader sees, shadow roots of our elements included.
WORDS = """() => { const said = [document.body.innerText];
  for (const one of document.querySelectorAll('video-tile, sweep-wave'))
    said.push(one.shadowRoot.textContent.replace(one.shadowRoot.querySelector('style').textContent, ''));
  return said.join('\\n'); }"""
# A key of the catalogue that stands where a sentence should.
KEYS = """() => document.body.innerText.match(
  /\\b(dispatch|hospital|unit|event|reason|routing|alarm|media|link|age|error)\\.[a-z]\\w*(\\.\\w+)*/g) ?? []"""
# Of a trace: pixels drawn, and the share of the drawn columns whose ink stands at the very top or bottom.
TRACE = """(kind) => { const { canvas, blank } = document.querySelector(`sweep-wave[kind=${kind}]`);
  const { width, height } = canvas; const ink = canvas.getContext('2d').getImageData(0, 0, width, height).data;
  let lit = 0, columns = 0, clipped = 0;
  for (let x = 0; x < width; x += 1) { let any = false, edge = false;
    for (let y = 0; y < height; y += 1) if (ink[4 * (y * width + x) + 3] > 0) {
      lit += 1; any = true; edge ||= y < 0.04 * height || y >= 0.96 * height; }
    columns += any; clipped += edge; }
  return { lit, blank, clipped: columns ? clipped / columns : 0 }; }"""
DRAWN = f"(kind) => {{ const one = ({TRACE})(kind); return !one.blank && one.lit > 500; }}"


@dataclass(slots=True)
class Screen:
    """One open screen. `complaints` collects every page error, missing word and request to another host."""

    name: str
    page: Page
    language: Language = "zh"
    complaints: list[str] = field(default_factory=list)
    fixes: dict[str, set[tuple[float, float]]] = field(default_factory=dict)

    def watch(self) -> None:
        page = self.page
        page.on("pageerror", lambda wrong: self.complaints.append(f"error: {wrong}"))
        page.on("console", lambda line: self.complaints.append(line.text) if "no word for" in line.text else None)
        page.on("request", lambda asked: None if is_local(asked.url) else self.complaints.append(asked.url))
        page.on("websocket", lambda socket: self._follow(socket))

    def _follow(self, socket: WebSocket) -> None:
        if not is_local(socket.url):
            self.complaints.append(socket.url)
        socket.on("framereceived", lambda raw: self._hear(raw))

    def _hear(self, raw: str | bytes) -> None:
        """Where the units stood in what reached this screen."""
        if not isinstance(raw, str):
            return
        message = json.loads(raw)
        told = message.get("view") or message.get("patch") or {}
        for unit, one in (told.get("units") or {}).items():
            fix = (one or {}).get("fix")
            if fix and "lat" in fix and "lon" in fix:
                self.fixes.setdefault(unit, set()).add((fix["lat"], fix["lon"]))

    def word(self, key: str, **facts: object) -> str:
        """The sentence as this screen says it now."""
        return word(key, self.language, **facts)

    async def until(self, what: str, true: str, argument: object = None) -> Any:
        """Wait until the page says true (a JavaScript function), however slow the machine; gives what it said."""
        end_s = time.monotonic() + PATIENCE_S
        while not (answer := await self.ask(true, argument)):
            if time.monotonic() > end_s:
                pytest.fail(f"{self.name} never showed {what}; it says:\n{await self.ask(WORDS)}")
            await asyncio.sleep(LOOK_S)
        return answer

    async def ask(self, question: str, argument: object = None) -> Any:
        """What a JavaScript function of the page answers. Playwright would wait for it without end."""
        try:
            return await asyncio.wait_for(self.page.evaluate(question, argument), ANSWER_S)
        except TimeoutError:
            pytest.fail(f"{self.name} is too busy to answer {question[:60]}")

    async def says(self, words: str, where: str = "body") -> None:
        test = "([where, words]) => [...document.querySelectorAll(where)].some((one) => one.innerText.includes(words))"
        await self.until(f"“{words}” in {where}", test, [where, words])

    async def text(self, selector: str) -> str:
        return await self.page.evaluate("(one) => document.querySelector(one)?.innerText ?? ''", selector)

    async def texts(self, selector: str) -> list[str]:
        return await self.page.evaluate(
            "(all) => [...document.querySelectorAll(all)].map((x) => x.innerText)", selector
        )

    async def touch(self, selector: str) -> None:
        await self.page.click(selector, timeout=PATIENCE_S * 1000)

    async def speak(self, language: Language) -> None:
        """Switch by the screen's own button, as a person does, until it speaks the language."""
        if self.language != language:
            await self.touch("button.language")
            self.language = language
        await self.until(language, "(wanted) => document.documentElement.lang === wanted", HTML_LANG[language])
        await self.says(word("drill.mark", language), ".drill-frame")

    async def check(self) -> None:
        """No rule of accessibility broken, no key where a word should stand."""
        if not await self.page.evaluate("typeof window.axe === 'object'"):
            await self.page.evaluate((browser_libraries() / "axe-core" / "axe.min.js").read_text(encoding="utf-8"))
        found = await self.page.evaluate(AXE)
        assert found == [], f"{self.name} {self.language}: " + json.dumps(found, indent=1, ensure_ascii=False)
        assert await self.page.evaluate(KEYS) == [], f"{self.name} {self.language}"


def browsing() -> contextlib.AbstractAsyncContextManager[Browser]:
    return launched("--disable-gpu", *RTC)


async def open_page(browser: Browser, name: str, url: str) -> Screen:
    width, height = SIZES[name]
    context = await browser.new_context(viewport={"width": width, "height": height})
    screen = Screen(name, await context.new_page())
    screen.watch()
    await screen.page.goto(url)
    return screen


def addresses(drill: Drill) -> Iterator[tuple[str, str]]:
    """Console, the ward's wall, the tablet of the ambulance, the tablet of the aircraft."""
    names = ["console", "wall", "tablet", "aircraft"]
    found = [url for _, url in drill.screens()]
    return zip(names, found, strict=False)  # without an aircraft, without its tablet


Wanted = Callable[[dict[str, Any]], bool]


@dataclass(slots=True)
class Stage:
    """A drill that is set up, its screens open and its clock standing still until `begin`."""

    drill: Drill
    browser: Browser
    screens: dict[str, Screen]
    playing: asyncio.Task[Any] | None = None
    read: list[Entry] = field(default_factory=list)
    played: list[Played] = field(default_factory=list)
    behind_s: float = 0.0  # wall seconds by which the newest step was late

    def __getitem__(self, name: str) -> Screen:
        return self.screens[name]

    def begin(self) -> None:
        self.drill.told = self._hear
        self.playing = asyncio.create_task(self.drill.perform())

    def _hear(self, played: Played) -> None:
        self.played.append(played)
        if played.due_at is not None:
            self.behind_s = (self.drill.clock.now() - played.due_at).total_seconds() / self.drill.rate

    def facts(self, kind: str, **fields: Any) -> list[dict[str, Any]]:
        """The bodies of the book's entries of this kind with these fields."""
        entries = (entry for entry in self.book() if entry.kind == kind)
        return [x.body for x in entries if all(x.body.get(name) == value for name, value in fields.items())]

    def book(self) -> list[Entry]:
        """The hub's book so far; what was read before is not read again."""
        log = SqliteLog(self.drill.folder / "hub" / "book.sqlite", make=False)
        try:
            self.read += log.read(self.read[-1].seq if self.read else 0)
        finally:
            log.close()
        return self.read

    async def until_fact(self, kind: str, true: Wanted = lambda body: True, **fields: Any) -> dict[str, Any]:
        """Let the drill go on until this is in the book; gives its body. The clock stands while people look and act."""
        end_s = time.monotonic() + PATIENCE_S
        while not (found := [body for body in self.facts(kind, **fields) if true(body)]):
            if time.monotonic() > end_s:
                pytest.fail(f"never in the book: {kind} {fields}\n{self.account()}")
            await self.go_on()
        self.hold()
        return found[-1]

    async def until_moment(self, offset_s: float) -> None:
        """Let the drill go on to this offset."""
        while self.drill.clock.now() < self.drill.scenario.at(offset_s):
            await self.go_on()
        self.hold()

    async def until_shown(self, screen: Screen, what: str, true: str, argument: object = None) -> None:
        """Let the drill go on until a screen shows what comes with its clock; it stands while the screen is asked."""
        end_s = time.monotonic() + PATIENCE_S
        while not await screen.ask(true, argument):
            if time.monotonic() > end_s:
                pytest.fail(f"{screen.name} never showed {what}; it says:\n{await screen.ask(WORDS)}")
            await self.go_on()
            self.hold()

    async def until_played(self) -> Any:
        """Let the drill go on to its end; gives what came out."""
        assert self.playing is not None
        end_s = time.monotonic() + PATIENCE_S
        while not self.playing.done():
            if time.monotonic() > end_s:
                pytest.fail(f"the script is not played\n{self.account()}")
            await self.go_on()
        return await self.playing

    async def go_on(self) -> None:
        """A moment of the drill, later on a machine that is behind. A refused step fails here: what waits for it
        would wait in vain."""
        refused = [one for one in self.played if one.error not in ("", "unplayed") and not one.step.optional]
        if refused or (self.playing and self.playing.done() and self.playing.exception()):
            pytest.fail(self.account())
        if self.behind_s > BEHIND_S:
            self.hold()
            await asyncio.sleep(min(self.behind_s, BREATH_S))
            self.behind_s = 0.0
        self.go()
        await asyncio.sleep(LOOK_S)

    @contextlib.asynccontextmanager
    async def within(self, whole_s: float) -> AsyncIterator[None]:
        """The whole story's bound, less than pytest's: the failure then says at which line it stood, and why."""
        try:
            async with asyncio.timeout(whole_s):
                yield
        except TimeoutError as late:
            raise AssertionError(f"not over after {whole_s:g} s\n{self.account()}") from late

    def account(self) -> str:
        """What is missing: steps that were refused, steps that were not done, and how far each casualty is."""
        done = {one.step.number for one in self.played}
        steps = [one for one in self.drill.scenario.steps if one.number not in done and not one.optional]
        picture = folded(self.book())
        failed = self.playing.exception() if self.playing and self.playing.done() else None
        return "\n".join([
            f"at {self.drill.clock.now():%H:%M:%S}, {self.behind_s:.1f} s behind; player: {failed or 'plays'}",
            *(f"refused: {one.step.who} {one.step.ask}: {one.error} ({one.why})" for one in self.played if one.error),
            *(f"not done: {one.who} {one.ask} at {one.at_s} after {one.after}" for one in steps),
            *(f"{one.label}: {one.stage}, {one.unit}, to {one.hospital}" for one in picture.casualties.values()),
        ])  # fmt: skip

    def go(self) -> None:
        if not self.drill.clock.running:
            self.drill.clock.go()

    def hold(self) -> None:
        if self.drill.clock.running:
            self.drill.clock.hold()


@contextlib.asynccontextmanager
async def set_up(scenario: Scenario, folder: Path, rate: float) -> AsyncIterator[Stage]:
    """Hub, vehicles and screens, in Chinese; at the end no screen may have complained."""
    chromium()
    listen_on(["127.0.0.1"])
    drill = Drill(scenario, folder, rate)
    async with drill.set_up(), browsing() as browser:
        screens = {name: await open_page(browser, name, url) for name, url in addresses(drill)}
        stage = Stage(drill, browser, screens)
        try:
            yield stage
        finally:
            if stage.playing and not stage.playing.done():
                stage.playing.cancel()
                await asyncio.gather(stage.playing, return_exceptions=True)
            listen_on(None)
        assert {name: screen.complaints for name, screen in screens.items() if screen.complaints} == {}
