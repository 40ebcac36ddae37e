"""The figures of the README are those that the drill gives on the jump clock, in both of its languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from story_stage import Story

from aboard.reporting import ground_run
from routing.roads import Roadmap
from scenarios.format import Scenario
from scenarios.report import clocks_of, door_s

pytestmark = pytest.mark.story
README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def minutes(drill: Story, g60: Scenario, roads: Roadmap) -> dict[str, str]:
    """Every figure that the README names, as it spells them."""
    ground_s, open_s = (door_s(ground_run(g60, roads, works=works).entries, "A") for works in (True, False))
    clocks = clocks_of(drill.entries, "A", ground_s)
    assert open_s is not None and clocks.incident_to_door is not None
    told = {
        "data": clocks.incident_to_first_data, "meeting": clocks.incident_to_rendezvous,
        "door": clocks.incident_to_door, "air": clocks.handover_to_door, "ground": ground_s, "saved": clocks.saved,
        "open": open_s, "saved_open": open_s - clocks.incident_to_door,
    }  # fmt: skip
    return {name: f"{seconds / 60:.1f}" for name, seconds in told.items() if seconds is not None}


def test_the_table_tells_what_the_drill_gives(minutes: dict[str, str]):
    column = re.findall(r"^\| [^|]+ \| [^|]+ \| ([\d.]+) min \|$", README, re.MULTILINE)
    assert column == [minutes[name] for name in ("data", "meeting", "door", "air", "ground", "saved")]


def test_the_text_says_what_is_left_without_the_works(minutes: dict[str, str]):
    assert f"by road in {minutes['open']} min, and {minutes['saved_open']} min would be saved" in README


def test_the_chinese_text_tells_the_same(minutes: dict[str, str]):
    chinese = README[README.index("## 中文说明") :]
    told = re.findall(r"([\d.]+)分钟", chinese)
    assert told == [minutes[name] for name in ("data", "meeting", "door", "ground", "saved", "saved_open")]
