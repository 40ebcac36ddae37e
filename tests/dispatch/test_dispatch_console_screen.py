"""The console in a real Chromium: fits its screen, works by keyboard, asks no other host, never lies about age."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from chromium_pages import FLAT, page_of
from console_stage import PATIENCE_S, ConsoleStage, eventually
from playwright.async_api import Page, expect
from valley import BEYOND_SERVICE, G1_EAST, SEVERE, START, casualty, crash, enrolled, reported

from casebook import events as e
from casebook.casualty import Category
from casebook.screens import browser_libraries
from casebook.steps import Duty
from casebook.words import Language, say
from dispatch.choosing import ChooseDestination
from dispatch.closures import CloseRoad
from routing.roads import Roadmap

pytestmark = [pytest.mark.browser, pytest.mark.sockets]
expect.set_options(timeout=PATIENCE_S * 1000)
ID = "20210418-001"
A, B = f"{ID}-A", f"{ID}-B"
STANDBY = e.UnitOnStandby("H1", ID)
DRILL = e.DrillStarted("valley", 1, 1.0, "valley")
LONG = replace(SEVERE, concern="Haemorrhagic shock, pelvic fracture, pressure falling in spite of fluids and binder")
SMALL, LARGE = {"width": 1280, "height": 720}, {"width": 1600, "height": 900}
# Boxes that reach beyond the panel or bar they belong to; what scrolls inside its own box is within.
OUTSIDE = """() => { const out = [];
  const root = document.documentElement;
  if (root.scrollWidth > innerWidth || root.scrollHeight > innerHeight) out.push('the page scrolls');
  for (const panel of document.querySelectorAll('.panel, .top')) {
    const frame = panel.getBoundingClientRect();
    for (const node of panel.querySelectorAll('*')) {
      const box = node.getBoundingClientRect();
      const beyond = box.width && (box.right > frame.right + 1 || box.left < frame.left - 1);
      if (beyond && !node.closest('.maplibregl-map, .unseen'))
        out.push(`${panel.className}: ${node.tagName} ${node.className} ${node.textContent.slice(0, 40)}`);
    }
  } return out; }"""
AXE = "async () => (await axe.run()).violations.map((v) => [v.id, v.nodes.map((n) => n.html)])"
# Four roads and one closure, given to the screen's own function; answers which stretches it draws as closed.
CLOSED_LINES = """async (polygon) => {
  const { closedLines } = await import('/console/closed_roads.js');
  const road = (ref, oneway, coordinates) =>
    ({ type: 'Feature', properties: { ref, oneway }, geometry: { type: 'LineString', coordinates } });
  const east = road('G1', true, [[121.03, 31], [121.3, 31]]), west = road('G1', true, [[121.3, 31], [121.03, 31]]);
  const before = road('G1', true, [[121, 31], [121.03, 31]]);
  const other = road('X1', false, [[121.1, 31.001], [121.2, 31.001]]);
  const closure = { reason: 'works', ref: 'G1', bearing_deg: 90, polygon, in_force: true };
  const drawn = closedLines([east, west, before, other], { c: closure });
  return drawn.map((line) => [line.properties.shut, line.geometry.coordinates]);
}"""


@pytest.fixture
async def page(request: pytest.FixtureRequest) -> AsyncIterator[Page]:
    """A browser; without 3D, and so without a map that software draws slowly, unless `map_drawn` is asked for."""
    async with page_of(*SMALL.values(), *(() if "map_drawn" in request.fixturenames else (FLAT,))) as opened:
        yield opened


@pytest.fixture
def map_drawn() -> None:
    """Ask for a browser that draws the map."""


async def shown(
    stages: list[ConsoleStage], roads: Roadmap, page: Page, *facts: e.Event, language: Language = "zh"
) -> ConsoleStage:
    """The console on a desk where these facts have happened."""
    base = [*enrolled(), *reported(), *crash(), *casualty()]
    stage = ConsoleStage(roads, *base, *facts)
    stages.append(stage)
    await stage.start()
    await stage.tell()
    await page.goto(stage.page(language))
    await page.wait_for_selector(".desk", timeout=PATIENCE_S * 1000)
    return stage


def asked_for(casualty_id: str = A) -> e.Event:
    return e.DestinationRequested(casualty_id, "A1")


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["1280x720", "1600x900"])
async def test_a_full_console_fits_its_screen(valley: Roadmap, page: Page, stages, map_drawn, language: Language, size):
    more = [fact for label in "BCDEF" for fact in casualty(label, Category.YELLOW)]
    closed = e.ServiceClosed("mill", "ct", "scanner down until the technician has come from the next town")
    facts = [DRILL, STANDBY, G1_EAST, *more, e.FindingsRecorded(A, LONG), closed, asked_for()]
    await page.set_viewport_size(size)
    await shown(stages, valley, page, *facts, language=language)
    await expect(page.locator(".take")).to_be_in_viewport()
    await expect(page.locator(".clock.first .time")).to_be_in_viewport()
    assert await page.evaluate(OUTSIDE) == []
    assert await page.evaluate("document.documentElement.lang") == {"zh": "zh-CN", "en": "en"}[language]


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_axe_finds_nothing_wrong(valley: Roadmap, page: Page, stages, map_drawn, language: Language):
    axe = browser_libraries() / "axe-core" / "axe.min.js"
    if not axe.exists():
        pytest.skip("axe-core is not installed")
    await shown(stages, valley, page, STANDBY, G1_EAST, asked_for(), language=language)
    await expect(page.locator(".take")).to_be_visible()
    await page.add_script_tag(path=axe)
    for key in ("", "w", "h", "m"):
        if key:
            await page.keyboard.press(key)
            await expect(page.locator({"w": ".beside", "h": "table.heat", "m": "table.counts"}[key])).to_be_visible()
        found = await page.evaluate(AXE)
        assert found == [], json.dumps([key, found], indent=1, ensure_ascii=False)
        await page.keyboard.press("Escape")


async def test_the_three_clocks_stand_side_by_side_and_the_closure_says_what_it_costs(
    valley: Roadmap, page: Page, stages
):
    stage = await shown(stages, valley, page, STANDBY, G1_EAST, asked_for())
    proposal = stage.book.picture.get_casualty(A).proposal
    assert proposal is not None
    best = {mode: next(o for o in proposal.options if o.mode == mode) for mode in ("road", "rendezvous")}
    times = {mode: await page.locator(f".clock.{mode} .time").inner_text() for mode in ("road", "air", "rendezvous")}
    assert times == {
        "road": spelled(best["road"].eta_s),
        "air": "--:--",
        "rendezvous": spelled(best["rendezvous"].eta_s),
    }
    for words in ("destination.any_hospital", "reason.no_landing_site"):
        await expect(page.locator(".clock.air")).to_contain_text(say(words, "zh"))
    await expect(page.locator(".clock.first")).to_have_count(1)
    await expect(page.locator(".clock.rendezvous.first")).to_have_count(1)
    loser = page.locator(".others li", has_text=say("dispatch.mode.road", "zh")).first
    await expect(loser).to_contain_text("G1")
    await page.locator(".others + button").click()  # all of them
    nobody = page.locator(".others li", has_text=say("destination.any_hospital", "zh"))
    await expect(nobody).to_have_count(1)
    await expect(nobody).to_contain_text(say("reason.no_landing_site", "zh"))
    await expect(page.locator(".others li")).to_have_count(len(proposal.rejected))


def spelled(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02d}"


async def test_one_key_takes_the_proposal_and_the_screen_follows(valley: Roadmap, page: Page, stages):
    stage = await shown(stages, valley, page, STANDBY, G1_EAST, asked_for())
    await expect(page.locator(".take")).to_be_enabled()
    await page.keyboard.press("y")
    await expect(page.locator(".chosen")).to_contain_text("城中医院")
    await expect(page.locator(".take")).to_have_count(0)
    state = stage.book.picture.get_casualty(A)
    assert state.option is not None and state.option.mode == "rendezvous"
    assert stage.book.picture.get_unit("H1").duty is Duty.ASSIGNED
    await expect(page.locator(".hospital", has_text="城中医院").locator(".held")).to_contain_text("1")
    await expect(page.locator(".task")).to_have_count(2)


async def test_another_way_is_taken_only_with_a_reason(valley: Roadmap, page: Page, stages):
    stage = await shown(stages, valley, page, asked_for())
    await expect(page.locator(".take")).to_be_visible()
    await page.keyboard.press("o")
    box = page.locator(".override input")
    await expect(box).to_be_focused()
    await expect(box).to_have_value("")
    await expect(page.locator(".override button").first).to_be_disabled()
    await box.fill("family waits there")
    await page.keyboard.press("Enter")
    await expect(page.locator(".chosen")).to_contain_text("family waits there")
    state = stage.book.picture.get_casualty(A)
    assert state.override_reason == "family waits there"
    assert state.proposal is not None and state.option is not None
    first = state.proposal.options[0]
    assert (state.option.hospital, state.option.mode) != (first.hospital, first.mode)


async def test_the_loser_of_a_bay_sees_why_and_the_next_best_at_once(valley: Roadmap, page: Page, stages):
    one_bay = e.CapacityReported("city", "resus_bay", 1, 4)
    stage = await shown(stages, valley, page, one_bay, *casualty("B"), asked_for(), asked_for(B), language="en")
    await expect(page.locator(".take")).to_contain_text("City Hospital")
    until = stage.clock.now().replace(year=2022)
    stage.room._lines.clear()
    await stage.book.write(  # behind the screen's back, as another dispatcher in the same instant would
        lambda picture: [e.HoldPlaced(B, "city", "resus_bay", 1, until)], stage.dispatcher.by
    )
    await page.keyboard.press("y")
    await expect(page.locator(".refused")).to_be_visible()
    await expect(page.locator(".take")).to_contain_text("Mill Hospital")


async def test_what_if_answers_at_once_beside_the_real_answer_and_records_nothing(valley: Roadmap, page: Page, stages):
    stage = await shown(stages, valley, page, G1_EAST, asked_for(), language="en")
    await expect(page.locator(".take")).to_be_visible()
    seq = stage.book.picture.seq
    await page.keyboard.press("w")
    await expect(page.locator("dialog .not-recorded")).to_contain_text(say("dispatch.not_recorded", "en"))
    real, then = page.locator(".beside .first").first, page.locator(".beside .first").last
    before = await real.inner_text()
    await expect(page.locator("dialog .moves")).to_have_count(0)
    await page.keyboard.press("Space")  # the closure's box has the focus
    await expect(page.locator("dialog .moves li").first).to_contain_text("City Hospital")
    assert await real.inner_text() == before
    lifted = await then.inner_text()
    await page.locator(".hospital-toggle", has_text="City Hospital").locator("input[type=checkbox]").uncheck()
    await expect(then).to_contain_text("Mill Hospital")
    await page.locator(".hospital-toggle", has_text="City Hospital").locator("input[type=checkbox]").check()
    assert "City Hospital" in lifted
    await page.keyboard.press("Escape")
    assert stage.book.picture.seq == seq and "G1-east" in stage.book.picture.roads


async def test_the_region_shows_figure_chance_and_age_and_hatches_what_nobody_knows(
    valley: Roadmap, page: Page, stages
):
    silent = e.CapacityReported("mill", "resus_bay", None)
    stage = await shown(stages, valley, page, silent, language="en")
    await page.keyboard.press("h")
    city = page.locator("table.heat tr", has_text="City Hospital").locator("td.cell").first
    await expect(city).to_contain_text(re.compile(r"^2 / 4\s*99 % "))
    unknown = page.locator("table.heat tr", has_text="Mill Hospital").locator("td.cell").first
    await expect(unknown).to_have_class(re.compile("unknown"))
    await expect(unknown).to_contain_text("?")
    await stage.tell(e.CapacityReported("city", "resus_bay", 0, 4))
    await expect(city).to_have_class(re.compile("full"))


async def test_the_board_counts_everybody_once_and_a_row_leads_to_them(valley: Roadmap, page: Page, stages):
    more = [*casualty("B", Category.YELLOW), *casualty("C", Category.GREEN)]
    stage = await shown(stages, valley, page, *more, asked_for(), language="en")
    await expect(page.locator(".take")).to_be_visible()
    await page.keyboard.press("y")
    await eventually(lambda: stage.book.picture.get_casualty(A).option is not None, "a person said yes")
    await page.keyboard.press("m")
    await expect(page.locator("table.counts tfoot td")).to_have_text(["1", "1", "1", "3"])
    await expect(page.locator("table.counts tr", has_text="City Hospital").locator(".sum")).to_have_text("1")
    await page.locator("table.rows button", has_text="C").click()
    await expect(page.locator(".casualty[aria-selected=true] b")).to_have_text("C")


async def test_a_joint_plan_is_asked_for_and_answered_on_the_board(valley: Roadmap, page: Page, stages):
    more = [*casualty("B", Category.YELLOW), *casualty("C", Category.GREEN)]
    stage = await shown(stages, valley, page, *more, language="en")
    await page.set_viewport_size(LARGE)
    await page.keyboard.press("m")
    await page.locator(".joint .propose").click()
    await expect(page.locator("table.compared tbody tr")).to_have_count(4)
    plan = stage.book.picture.plans[ID].proposed
    await expect(page.locator(".joint h3")).to_contain_text(plan.id)
    first = page.locator("table.rows tbody tr", has_text="City Hospital").first
    await expect(first.locator("td.planned, td .planned, td b").first).to_be_visible()
    assert all(one.option is None for one in stage.book.picture.casualties.values())  # nothing moved
    await page.get_by_role("button", name=say("dispatch.plan.yes_one", "en", casualty="A")).click()
    await expect(page.locator("table.rows span.yes")).to_have_count(1)
    assert stage.book.picture.get_casualty(A).option is not None
    await page.get_by_role("button", name=say("dispatch.plan.no_one", "en", casualty="B")).click()
    await page.locator("table.rows form input").fill("the family waits at the other hospital")
    await page.keyboard.press("Enter")
    await expect(page.locator("table.rows .no")).to_contain_text("the family waits")
    await stage.tell()
    newer = stage.book.picture.plans[ID].proposed
    await expect(page.locator(".joint h3")).to_contain_text(newer.id)
    unwanted = next(row.hospital for row in plan.rows if row.casualty == B)
    assert unwanted not in {row.hospital for row in newer.rows if row.casualty == B}
    await page.locator(".joint .answers .yes").click()
    await eventually(
        lambda: all(one.option is not None for one in stage.book.picture.casualties.values()), "a yes to all"
    )
    await expect(page.locator("table.counts tfoot td")).to_have_text(["1", "1", "1", "3"])
    await expect(page.locator(".joint .answers .yes")).to_be_disabled()
    assert await page.evaluate(OUTSIDE) == []


async def test_nobody_can_take_them_says_where_to_stabilise_and_whom_to_ask(valley: Roadmap, page: Page, stages):
    full = [e.CapacityReported(hospital, "resus_bay", 0, 4) for hospital in ("city", "mill", "quarry")]
    await shown(stages, valley, page, *full, asked_for(), language="en")
    told = page.locator(".decision .where-now")
    await expect(told.first).to_contain_text(say("dispatch.stabilise_at", "en"))
    await expect(told.last).to_contain_text("City Hospital")
    await expect(page.locator(".others .would").first).to_be_visible()


async def test_every_option_has_its_minutes_its_range_and_its_chance(valley: Roadmap, page: Page, stages):
    stage = await shown(stages, valley, page, STANDBY, G1_EAST, asked_for(), language="en")
    proposal = stage.book.picture.get_casualty(A).proposal
    assert proposal is not None and proposal.options[0].p_bay is not None
    first = page.locator(".clock.first")
    await expect(first.locator(".chance")).to_have_text(f"bay {round(proposal.options[0].p_bay * 100)} %")
    await expect(first.locator(".care")).to_contain_text(re.compile(r"care in [\d.]+ min \([\d.]+–[\d.]+\)"))
    legend = await first.locator(".terms dt").all_inner_texts()
    assert [say(f"dispatch.term.{name}", "en") for name in ("on_scene", "drive", "flight", "wait_for_bay")] == [
        name for name in legend if name in {"On scene", "Drive", "Flight", "Wait for bay"}
    ]
    await expect(page.locator(".decision .version")).to_contain_text(proposal.id)


async def test_casualties_are_picked_by_number_and_the_decision_is_theirs(valley: Roadmap, page: Page, stages):
    await shown(stages, valley, page, *casualty("B", Category.YELLOW), asked_for(), language="en")
    await expect(page.locator(".casualty[aria-selected=true] b")).to_have_text("A")
    await page.keyboard.press("2")
    await expect(page.locator(".casualty[aria-selected=true] b")).to_have_text("B")
    await expect(page.locator(".decision")).to_contain_text(say("dispatch.not_asked", "en"))
    await page.keyboard.press("ArrowUp")
    await expect(page.locator(".take")).to_be_visible()


async def test_a_call_is_taken_and_a_unit_sent_by_keyboard_alone(valley: Roadmap, page: Page, stages):
    stage = await shown(stages, valley, page, language="en")
    await page.keyboard.press("n")
    await page.locator("dialog input[name=name]").fill("Quarry")
    await page.keyboard.press("Enter")
    await expect(page.locator("dialog .ranked .possible").first).to_be_visible()
    assert len(stage.book.picture.incidents) == 2
    await page.keyboard.press("Escape")
    await expect(page.locator("dialog[open]")).to_have_count(0)
    await page.keyboard.press("a")
    await expect(page.locator("dialog .ranked .possible button").first).to_be_focused()
    await page.keyboard.press("Enter")
    await eventually(
        lambda: sum(u.duty is Duty.ASSIGNED for u in stage.book.picture.units.values()) == 1, "somebody is sent"
    )


async def test_a_call_from_nowhere_is_refused_in_words(valley: Roadmap, page: Page, stages):
    await shown(stages, valley, page, language="en")
    await page.keyboard.press("n")
    await page.locator("dialog input[name=name]").fill("Atlantis")
    await page.keyboard.press("Enter")
    await expect(page.locator("dialog .refused")).to_contain_text("Atlantis")


async def test_a_road_is_closed_and_opened_from_the_console(valley: Roadmap, page: Page, stages):
    stage = await shown(stages, valley, page, language="en")
    await page.keyboard.press("c")
    await page.locator("dialog input[name=ref]").fill("X1")
    await page.locator("dialog input[name=reason]").fill("flood")
    await page.keyboard.press("Enter")
    await expect(page.locator(".log li").first).to_contain_text("flood")
    await expect(page.locator("dialog[open]")).to_have_count(0)
    await page.keyboard.press("c")
    await page.locator("dialog .ranked button").click()
    await eventually(lambda: not stage.book.picture.roads, "the road is open again")


async def test_tasks_run_against_their_clock_and_are_approved(valley: Roadmap, page: Page, stages):
    stage = await shown(stages, valley, page, language="en")
    await page.keyboard.press("t")
    await page.locator("dialog input[name=to]").fill("East")
    await page.keyboard.press("Enter")
    await expect(page.locator(".task")).to_contain_text("East")
    stage.pass_s(200)
    await stage.tell()
    await expect(page.locator(".task .left.over")).to_contain_text("-0:20")
    await page.locator(".task button").first.click()
    await expect(page.locator(".task.approved")).to_have_count(1)


async def test_what_nobody_reported_is_a_question_mark_never_a_number(valley: Roadmap, page: Page, stages):
    silent = e.CapacityReported("mill", "resus_bay", None)
    await shown(stages, valley, page, silent, language="en")
    row = page.locator(".hospital", has_text="Mill Hospital")
    await expect(row.locator("td.count").first).to_have_text("?")
    await expect(page.locator(".hospital", has_text="City Hospital").locator("td.count").first).to_contain_text("2")


async def test_an_old_figure_stands_in_brackets_with_its_age(valley: Roadmap, page: Page, stages):
    stage = await shown(stages, valley, page, language="en")
    stage.pass_s(16 * 60)
    await stage.tell(e.AgencyLinked(ID, "119"))
    row = page.locator(".hospital", has_text="City Hospital")
    await expect(row.locator("td.count.stale").first).to_have_text("(2)")
    await expect(row.locator(".age")).to_contain_text("16 min")


async def test_a_silent_hub_stops_the_clock_and_says_so_and_a_new_one_is_followed(valley: Roadmap, page: Page, stages):
    stage = await shown(stages, valley, page, language="en")
    await expect(page.locator(".link.live")).to_be_visible()
    await stage.stop()
    await expect(page.locator(".top .clock")).to_have_text("--:--:--")
    await expect(page.locator(".top .lost")).to_contain_text("09:30")
    await stage.start()
    await expect(page.locator(".link.live")).to_be_visible()
    await stage.tell(e.AgencyLinked(ID, "119"))
    await expect(page.locator(".log li").first).to_contain_text("119")


async def test_those_nobody_can_take_are_said_aloud(valley: Roadmap, page: Page, stages):
    closed = [e.ServiceClosed(id, "*", "flood") for id in ("city", "mill")]
    await shown(stages, valley, page, *closed, asked_for(), language="en")
    await expect(page.locator(".decision .warn")).to_contain_text("A")
    await expect(page.locator(".decision .others")).to_contain_text("flood")


async def test_the_language_changes_without_losing_the_place(valley: Roadmap, page: Page, stages):
    await shown(stages, valley, page, *casualty("B", Category.YELLOW), asked_for())
    await page.keyboard.press("2")
    await page.locator(".language").click()
    await expect(page.locator("h1")).to_have_text(say("dispatch.title", "en"))
    await expect(page.locator(".casualty[aria-selected=true] b")).to_have_text("B")


async def test_the_map_draws_the_roads_and_only_the_closed_carriageway_in_alarm(
    valley: Roadmap, page: Page, stages, map_drawn
):
    await shown(stages, valley, page, G1_EAST)
    await expect(page.locator(".map canvas")).to_be_visible()
    lines = await page.evaluate(CLOSED_LINES, [list(point) for point in BEYOND_SERVICE])
    assert lines == [[True, [[121.03, 31], [121.3, 31]]]]


async def test_coordinates_are_read_out_with_their_datum(valley: Roadmap, page: Page, stages, map_drawn):
    await shown(stages, valley, page)
    canvas = page.locator(".map canvas.maplibregl-canvas")
    await expect(canvas).to_be_visible()
    box = await canvas.bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    await expect(page.locator(".readout")).to_contain_text("WGS-84")


async def test_without_3d_the_map_says_so_and_everything_else_works(valley: Roadmap, page: Page, stages):
    await shown(stages, valley, page, asked_for(), language="en")
    await expect(page.locator(".map .none")).to_have_text(say("dispatch.no_map", "en"))
    await expect(page.locator(".take")).to_be_enabled()


async def test_a_unit_is_stood_down_with_a_reason_and_a_service_is_linked(valley: Roadmap, page: Page, stages):
    stage = await shown(stages, valley, page, STANDBY, language="en")
    await page.locator(".unit", has_text="Helicopter 1").locator("button").click()
    await expect(page.locator(".unit .override input")).to_be_focused()
    await page.keyboard.type("not needed")
    await page.keyboard.press("Enter")
    await eventually(lambda: stage.book.picture.get_unit("H1").duty is Duty.AVAILABLE, "the crew may rest")
    await expect(page.locator(".log li").first).to_contain_text("not needed")
    await page.locator(".call .do button").first.click()
    await eventually(lambda: len(stage.book.picture.get_incident(ID).agencies) == 1, "the police know")


async def test_a_call_is_closed_once_everybody_is_accounted_for(valley: Roadmap, page: Page, stages):
    stage = await shown(stages, valley, page, language="en")
    close = page.get_by_role("button", name=say("dispatch.close_call", "en"))
    await expect(close).to_have_count(0)
    await stage.tell(e.CasualtyClosed(A, "refused"))
    await close.click()
    await expect(page.locator(".call.closed")).to_have_count(1)


async def pixel_of(page: Page, lon: float, lat: float) -> tuple[float, float]:
    """Where a place is on the screen, reckoned from the coordinates that the map reads out at two pixels."""
    box = await page.locator(".map canvas.maplibregl-canvas").bounding_box()
    assert box is not None
    known = []
    for share in (0.6, 0.9):
        x, y = box["x"] + box["width"] * share, box["y"] + box["height"] * share
        await page.mouse.move(x, y)
        readout = page.locator(".readout .bare")
        await expect(readout).to_have_text(re.compile(r"^[\d.]+, [\d.]+ WGS-84$"))
        await expect(readout).not_to_have_text(known[-1][2] if known else "-")
        text = await readout.inner_text()
        known.append((x, y, text, [float(one) for one in text.removesuffix(" WGS-84").split(", ")]))
    (xa, ya, _, (lat_a, lon_a)), (xb, yb, _, (lat_b, lon_b)) = known
    return xa + (lon - lon_a) / (lon_b - lon_a) * (xb - xa), ya + (lat - lat_a) / (lat_b - lat_a) * (yb - ya)


async def drag(page: Page, corners: list[tuple[float, float]]) -> None:
    (x, y), (to_x, to_y) = [await pixel_of(page, *corner) for corner in corners]
    await page.mouse.move(x, y)
    await page.mouse.down()
    await page.mouse.move((x + to_x) / 2, (y + to_y) / 2)
    await page.mouse.move(to_x, to_y)
    await page.mouse.up()


def drawing(page: Page, name: str):
    return page.get_by_role("toolbar").get_by_role("button", name=say(f"dispatch.draw.{name}", "en"))


def newest(stage: ConsoleStage) -> e.Decision:
    proposal = stage.book.picture.get_casualty(A).proposal
    assert proposal is not None
    return proposal


async def test_a_closure_drawn_with_the_mouse_says_what_it_meets_and_changes_the_ranking(
    valley: Roadmap, page: Page, stages, map_drawn
):
    stage = await shown(stages, valley, page, STANDBY, asked_for(), language="en")
    first = stage.book.picture.get_casualty(A).proposal
    assert first is not None
    await drawing(page, "box").click()
    await drag(page, [(121.1, 31.01), (121.2, 30.99)])
    form = page.locator(".roadwork form")
    await expect(form.locator(".meets")).to_contain_text("G1")
    assert not stage.book.picture.roads, "only drawn"
    await page.keyboard.type("rock fall")
    await form.locator("select[name=lasts]").select_option("60")
    await form.get_by_role("button", name=say("dispatch.close_these", "en"), exact=True).click()
    await eventually(lambda: len(stage.book.picture.roads) == 1, "the road is closed")
    (road,) = stage.book.picture.roads.values()
    assert (road.reason, road.by) == ("rock fall", "dispatcher:desk 1")
    assert road.until is not None
    assert abs(road.until - START - timedelta(hours=1)) < timedelta(seconds=PATIENCE_S), "an hour by the desk's clock"
    await expect(page.locator(".clock.road")).to_contain_text(say("dispatch.term.drive", "en"))
    await eventually(lambda: newest(stage).traffic_version != first.traffic_version, "the desk has decided again")
    after = newest(stage)
    await expect(page.locator(".take")).to_contain_text(spelled(after.options[0].eta_s))
    await page.locator(".roadwork .tools button").last.click()
    listed = page.locator(".roadwork .closures li")
    await expect(listed).to_contain_text("rock fall")
    await expect(listed).to_contain_text("desk 1 09:30")
    await listed.get_by_role("button").click()
    await expect(listed).to_have_count(0)
    await expect(page.locator(".take")).to_contain_text(spelled(first.options[0].eta_s))


async def test_a_click_on_a_road_takes_the_stretch_between_two_junctions(
    valley: Roadmap, page: Page, stages, map_drawn
):
    await shown(stages, valley, page, language="en")
    await drawing(page, "road").click()
    await page.mouse.click(*await pixel_of(page, 121.0, 31.05))
    await expect(page.locator(".roadwork form .meets")).to_contain_text("X1")
    ways = page.locator(".roadwork form select").first.locator("option")
    await expect(ways).to_have_count(3)  # both ways, this one, the other
    await page.keyboard.press("Escape")
    await expect(page.locator(".roadwork form")).to_have_count(0)


async def test_a_closure_is_drawn_by_keyboard_alone(valley: Roadmap, page: Page, stages, map_drawn):
    stage = await shown(stages, valley, page, *casualty("B", Category.YELLOW), language="en")
    await expect(drawing(page, "area")).to_be_visible()
    await page.locator("body").press("d")
    for key in ("Space", "ArrowRight", "Space", "ArrowDown", "Space", "Backspace", "Space"):
        await page.keyboard.press(key)
    await expect(page.locator(".roadwork .hint")).to_contain_text(say("dispatch.points", "en", n=3))
    await expect(page.locator(".casualty[aria-selected=true] b")).to_have_text("A")  # arrows are the map's
    await page.keyboard.press("Enter")
    await expect(page.locator(".roadwork form input[name=reason]")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.locator(".roadwork form")).to_have_count(0)
    assert not stage.book.picture.roads


async def test_a_changed_way_and_its_reason_stand_at_the_unit_and_a_new_destination_waits_for_a_yes(
    valley: Roadmap, page: Page, stages
):
    stage = await shown(stages, valley, page, asked_for(), language="en")
    await page.locator(".others li", has_text="City Hospital").first.wait_for()
    asks = {one.name: one for one in stage.room.asks()}
    city = ChooseDestination(casualty=A, hospital="city", mode="road", override_reason="as told")
    await asks["choose_destination"].handle(city, stage.dispatcher)
    await stage.tell(e.CasualtyBoarded(A, "A1"), e.UnitLeftScene("A1"))
    stage.pass_s(60)
    await asks["close_road"].handle(CloseRoad(reason="works", ref="G1", polygon=BEYOND_SERVICE), stage.dispatcher)
    unit = page.locator(".unit", has_text="West 1")
    await expect(unit.locator(".rerouted")).to_contain_text("avoids G1 (works), closed by Dispatch desk 1 09:31")
    await expect(unit.locator(".rerouted")).to_contain_text(say("dispatch.not_seen_by_crew", "en"))
    leg = stage.book.picture.units["A1"].leg
    assert leg is not None
    await expect(unit.locator(".left")).to_contain_text(f"{int(leg.eta_s) // 60}:")
    await expect(page.locator(".take")).to_contain_text(say("dispatch.switch_to", "en"))
    again = stage.book.picture.get_casualty(A).proposal
    assert again is not None and (again.options[0].hospital, again.options[0].mode) != ("city", "road")
    await stage.tell(e.LegSeen("A1", stage.clock.now()))
    await expect(unit.locator(".rerouted")).to_contain_text("seen by the crew 09:31")
    await page.keyboard.press("y")
    taken = again.options[0]
    await eventually(lambda: stage.book.picture.get_casualty(A).option == taken, "a person said yes")
    await expect(page.locator(".take")).to_have_count(0)


async def test_the_unit_and_the_log_say_how_well_its_picture_comes_and_why(valley: Roadmap, page: Page, stages):
    stage = await shown(stages, valley, page, language="en")
    quality = page.locator(".unit", has_text="West 1").locator(".quality")
    await expect(quality).to_have_count(0)  # no stream, and nobody has said anything of one
    await stage.tell(e.VideoStarted("A1", "A1"))
    await expect(quality).to_have_text(say("media.quality.unknown", "en"))
    await stage.tell(e.PictureQualityChanged("A1", "video_480p15", "link_better"))
    await expect(quality).to_contain_text("480p 15/s · link carries more · since ")
    await expect(page.locator("body")).to_contain_text("West 1 picture: 480p 15/s (link carries more)")


async def test_what_if_takes_a_closure_from_the_map_and_records_nothing(valley: Roadmap, page: Page, stages, map_drawn):
    stage = await shown(stages, valley, page, asked_for(), language="en")
    await expect(page.locator(".take")).to_be_visible()
    seq = stage.book.picture.seq
    await page.keyboard.press("w")
    pick = page.get_by_role("button", name=say("dispatch.close_on_map", "en"))
    await page.locator(".hospital-toggle", has_text="Mill Hospital").locator("input[type=checkbox]").uncheck()
    await pick.click()
    await expect(page.locator("dialog")).not_to_be_visible()
    await expect(page.locator(".roadwork .hint")).to_contain_text(say("dispatch.picking", "en"))
    await page.mouse.click(*await pixel_of(page, 121.0, 31.05))
    await expect(page.locator("dialog .toggle", has_text="X1")).to_be_visible()
    mill = page.locator(".hospital-toggle", has_text="Mill Hospital").locator("input[type=checkbox]")
    await expect(mill).not_to_be_checked()  # what was supposed before is still so
    await pick.click()
    await drawing(page, "box").click()
    await drag(page, [(121.1, 31.01), (121.2, 30.99)])
    shut = page.locator("dialog .toggle", has_text=say("dispatch.drawn_area", "en"))
    await expect(shut).to_be_visible()
    await expect(page.locator("dialog .moves li", has_text="City Hospital").first).to_be_visible()
    await pick.click()
    await page.keyboard.press("Escape")  # nothing drawn: back to where we were
    await expect(shut).to_be_visible()
    await shut.locator("input").click()  # it goes from the list
    await expect(shut).to_have_count(0)
    await page.keyboard.press("Escape")
    await expect(page.locator("dialog .not-recorded")).to_have_count(0)
    await page.keyboard.press("w")
    await expect(
        page.locator(".hospital-toggle", has_text="Mill Hospital").locator("input[type=checkbox]")
    ).to_be_checked()
    assert stage.book.picture.seq == seq and not stage.book.picture.roads


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_the_age_of_each_feed_stands_over_the_hospitals_and_none_is_said(
    valley: Roadmap, page: Page, stages, language: Language
):
    stage = await shown(stages, valley, page, language=language)
    feeds = page.locator(".hospitals .feeds")
    await expect(feeds).to_contain_text(say("dispatch.feed.none", language))
    await expect(feeds).to_contain_text(say("dispatch.feed.board", language))
    await stage.tell(e.TrafficObserved("city-loops", "r", ((40.0, 30.0, 50.0, 5.0),), ((0, 0, 0),)))
    await expect(feeds).to_contain_text("city-loops")
    await expect(feeds.locator(".age")).to_have_count(2)
    await expect(feeds).not_to_contain_text(say("dispatch.feed.none", language))
