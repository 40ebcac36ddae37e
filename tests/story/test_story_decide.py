"""The drill's decision taken once more from a file: the same bytes. What it said would change it, changes it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from story_stage import Story, play, severe_alone, without

from aboard import cli
from casebook import events as e
from casebook.book import occasion_of
from casebook.events import Decision, Rejection
from casebook.log import Draft, Entry
from casebook.picture import Occasion, Picture, fold
from casebook.sqlite_log import SqliteLog
from dispatch.area import Area
from dispatch.case_export import case_at
from dispatch.case_file import CaseFile, read_case, write_case
from dispatch.case_picture import decide_case
from dispatch.desk import decision_on
from dispatch.destination import canonical
from dispatch.timing import ways_for
from routing.roads import Roadmap
from scenarios.area import area_of
from scenarios.format import Scenario

pytestmark = pytest.mark.story


@pytest.fixture(scope="module")
def told(g60: Scenario, roads: Roadmap) -> Story:
    return play(severe_alone(g60), roads)


@pytest.fixture(scope="module")
def area(told: Story) -> Area:
    return area_of(told.scenario.region, [unit.id for unit in told.scenario.units])


def picture_before(told: Story, proposed: Entry) -> Picture:
    """The picture on which the desk decided."""
    picture = Picture()
    for entry in told.entries[: told.entries.index(proposed)]:
        picture = fold(picture, e.decode(entry.kind, entry.body), occasion_of(entry))
    return picture


def decision_in(proposed: Entry) -> Decision:
    return msgspec.convert(proposed.body["decision"], Decision)


@pytest.fixture(scope="module")
def proposed(told: Story) -> Entry:
    return told.first("destination_proposed")


@pytest.fixture(scope="module")
def decision(proposed: Entry) -> Decision:
    return decision_in(proposed)


@pytest.fixture(scope="module")
def before(told: Story, proposed: Entry) -> Picture:
    return picture_before(told, proposed)


def file_of(told: Story, before: Picture, proposed: Entry, area: Area) -> CaseFile:
    enrolled = told.scenario.region.hospitals.values()
    case = case_at(before, proposed.body["casualty"], proposed.at, "yangtze_delta", area, enrolled)
    return read_case(write_case(case))


def test_the_recorded_decision_comes_out_of_its_file_byte_by_byte(
    told: Story, before: Picture, proposed: Entry, area: Area, decision: Decision, roads: Roadmap
):
    case = file_of(told, before, proposed, area)
    whole = area_of(told.scenario.region, list(told.scenario.region.aircraft))
    again = decide_case(case, whole, list(told.scenario.region.hospitals.values()), roads)
    assert canonical(again) == canonical(decision)
    assert case.closures, "a road is closed in this story: the file has it"
    assert decision.options[0].mode == "rendezvous"


def test_the_command_writes_the_file_of_an_entry_and_decides_it_alike(
    told: Story, proposed: Entry, decision: Decision, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    log = SqliteLog(tmp_path / "book.sqlite")
    drafts = [
        Draft(x.kind, x.version, x.body, x.at, x.recorded_at, x.by, x.source, x.asked) for x in told.entries
    ]  # fmt: skip
    log.append(drafts)
    log.close()
    named = ["--region", "yangtze_delta"]
    assert cli.run(["decide", "--from-log", str(tmp_path), "--seq", str(proposed.seq), *named]) == 0
    file = tmp_path / "case.json"
    file.write_text(capsys.readouterr().out, encoding="utf-8")
    assert cli.run(["decide", str(file), "--json"]) == 0
    assert canonical(msgspec.json.decode(capsys.readouterr().out, type=Decision)) == canonical(decision)
    assert cli.run(["decide", "--from-log", str(tmp_path), "--seq", "1", *named]) == 2
    assert str(proposed.seq) in capsys.readouterr().err


def reopening(decision: Decision) -> list[Rejection]:
    """The ways that would win if one road were open."""
    return [one for one in decision.rejected if one.would_win and one.would_win.code == "change.road_reopened"]


def again(picture: Picture, proposed: Entry, area: Area, roads: Roadmap) -> Decision:
    casualty, policy = proposed.body["casualty"], area.rules.destination
    ways = ways_for(roads, area, picture, casualty, proposed.at, policy)
    return decision_on(picture, casualty, ways, proposed.at, policy, roads)


def without_closure(picture: Picture, closure: str, proposed: Entry, area: Area, roads: Roadmap) -> Decision:
    opened = fold(picture, e.RoadReopened(closure), Occasion(picture.seq + 1, proposed.at, "desk:test"))
    return again(opened, proposed, area, roads)


def first(decision: Decision) -> tuple[str, str]:
    return decision.options[0].hospital, decision.options[0].mode


def test_without_the_closure_the_decision_changes_as_its_counterfactual_said(g60: Scenario, area: Area, roads: Roadmap):
    """The same crash with no aircraft standing by: now the closed motorway decides, and the decision says so."""
    surprised = play(without(severe_alone(g60), "order_standby"), roads)
    proposed = surprised.first("destination_proposed")
    before, decision = picture_before(surprised, proposed), decision_in(proposed)
    (loser,) = reopening(decision)
    assert loser.would_win is not None
    assert (loser.hospital, loser.mode, loser.would_win.facts["closure"]) == ("sgh_south", "road", "g60_works")
    assert first(decision) == ("sgh_south", "rendezvous")
    now = without_closure(before, "g60_works", proposed, area, roads)
    assert first(now) == ("sgh_south", "road")
    assert now.traffic_version != decision.traffic_version


def test_with_an_aircraft_standing_by_no_single_road_decides_and_the_decision_names_none(
    before: Picture, proposed: Entry, area: Area, decision: Decision, roads: Roadmap
):
    assert not reopening(decision)
    road = next(one for one in decision.rejected if (one.hospital, one.mode) == ("sgh_south", "road"))
    assert road.would_win is not None and road.would_win.code == "change.eta_shorter"
    for closure in sorted(before.roads):
        now = without_closure(before, closure, proposed, area, roads)
        assert first(now) == first(decision), closure
        left = next(one for one in now.options if (one.hospital, one.mode) == ("sgh_south", "road"))
        assert road.eta_s is not None and road.eta_s - left.eta_s < 60 * road.would_win.facts["minutes"]
