"""Write what a drill proved: report.json and report.html, with the runs that say what would have been."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from aboard.drill import Drill, Performance
from aboard.front.language import spoken
from aboard.hub_setup import load_region_roads
from casebook.book import Book
from casebook.desks import Desk
from casebook.picture import Picture
from dispatch.app import DispatchRoom
from hospital_board.app import HospitalRoom
from routing.roads import Roadmap
from scenarios.area import area_of
from scenarios.feeds import first_facts
from scenarios.format import Scenario
from scenarios.report import door_s, make_report
from scenarios.report_page import report_html
from scenarios.story import Told, tell, without_steps

ROAD_STEPS = ("close_road", "slow_road")
GROUND_S = 3 * 3600  # the run by road may go on for so long after the flown drill has ended: it is the slower one


def ground_run(scenario: Scenario, roadmap: Roadmap, *, works: bool) -> Told:
    """The same drill without aircraft, through the same desks, until the severe casualty is at the door.

    `works` False: without the closures as well.
    """
    told = scenario if works else without_steps(scenario, *ROAD_STEPS)
    told = replace(told, lasts_s=told.lasts_s + GROUND_S)

    def rooms(book: Book) -> list[Desk]:
        area = area_of(scenario.region, [])
        return [DispatchRoom(book, book.clock, roadmap, area, threaded=False), HospitalRoom(book, book.clock)]

    first = [*scenario.region.enrolments(), *first_facts(scenario, 1.0)]
    return tell(told, rooms, first, over=lambda picture: arrived(picture, scenario.severe))


def arrived(picture: Picture, label: str) -> bool:
    return any(one.label == label and one.arrived_at is not None for one in picture.casualties.values())


def write_report(drill: Drill, performance: Performance) -> dict[str, Any]:
    """Both files in the drill's folder; gives the report."""
    scenario, entries = drill.scenario, drill.entries()
    roadmap = load_region_roads(scenario.region)
    ground_s, open_s = (
        door_s(ground_run(scenario, roadmap, works=works).entries, scenario.severe) for works in (True, False)
    )
    report = make_report(
        scenario, entries, performance.played, performance.watched, rate=drill.rate, ground_s=ground_s,
        ground_open_s=open_s,
    )  # fmt: skip
    report["resident_mb"] = performance.resident_mb
    write(drill.folder, report, report_html(report, entries, roadmap.as_geojson(), spoken()))
    return report


def write(folder: Path, report: dict[str, Any], page: str) -> None:
    text = json.dumps(report, ensure_ascii=False, indent=2, allow_nan=False, default=str)
    (folder / "report.json").write_text(text + "\n", encoding="utf-8")
    (folder / "report.html").write_text(page, encoding="utf-8")
