"""Scenario files: what is read from them, and how every mistake is named with file, line and field."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from aboard import cli
from scenarios.format import find_scenario, list_scenarios, load_scenario, seconds, typed
from scenarios.vocabulary import all_asks
from scenarios.yaml_file import BadFile

SOUND = """\
scenario: small
title: {zh: 小演练, en: A small drill}
region: yangtze_delta
starts_at: 2021-04-18T09:30:00+08:00
lasts: "0:10:00"
severe: A
units:
  - {id: U1, kind: ambulance, name_zh: 车, name_en: Car, district: songjiang, at: xinbang_station}
casualties:
  - {label: A, course: [{at: "0:00:00", hr_bpm: 90}, {at: "0:01:30", hr_bpm: 99}]}
capacity:
  sgh_south: {resus_bay: {free: 1, total: 2}}
steps:
  - at: "0:00:15"
    who: dispatcher
    name: {zh: 队列, en: queue}
    ask: open_task
    with: {incident: $incident, kind: air_standby, note: {zh: 待命, en: stand by}}
  - {after: {fact: unit_assigned, unit: U1}, plus: 4, who: "crew:U1", ask: acknowledge}
  - {at: 90, who: director, fault: kill_hub, optional: true}
expectations:
  - {name: {zh: 零丢失, en: none lost}, value: vitals.lost, at_most: 0}
"""

TEN = """\
scenario: ten_mistakes
title: {zh: 十个错误, en: Ten mistakes}
region: yangtze_delta
starts_at: 2021-04-18T09:30:00+08:00
lasts: "0:10:00"
severe: Z
units:
  - {id: U1, kind: ambulance, name_zh: 车, name_en: Car, district: songjiang, at: nowhere}
  - {id: H1, kind: helicopter, name_zh: 机, name_en: Air, district: songjiang, at: sgh_south_pad, vehicle: full,
     camera: lost.mp4}
casualties:
  - {label: A, record: lost_record}
capacity:
  no_hospital: {resus_bay: {free: 1}}
steps:
  - {at: 1, who: "crew:U9", ask: acknowledge}
  - {who: dispatcher, ask: report_call, with: {}}
  - {after: {fact: dog_barked}, who: dispatcher, ask: sing}
"""
MISTAKES = [
    (6, "severe", "unknown"),
    (8, "units.0.at", "unknown"),
    (9, "units.1.id", "unknown"),
    (10, "units.1.camera", "file_absent"),
    (12, "casualties.0.record", "file_absent"),
    (14, "capacity.no_hospital", "unknown"),
    (16, "steps.0.who", "unknown"),
    (17, "steps.1", "at_or_after"),
    (17, "steps.1.with", "command"),
    (18, "steps.2.after.fact", "unknown"),
    (18, "steps.2.ask", "no_ask"),
]
SHAPES = """\
scenario: Bad Name
title: {zh: 形状}
region: yangtze_delta
starts_at: yesterday
lasts: soon
severe: A
seed: -1
colour: blue
units: []
casualties:
  - {label: A, age_years: 200, sex: x}
steps:
  - {at: 1, who: nobody, ask: sing}
  - {at: 1, who: director}
"""
SHAPE_FIELDS = {
    "scenario", "title.en", "starts_at", "lasts", "seed", "colour", "units", "casualties.0.age_years",
    "casualties.0.sex", "steps.0.who", "steps.1",
}  # fmt: skip


@pytest.fixture
def written(tmp_path: Path):
    def write(text: str, name: str = "drill.yaml") -> Path:
        file = tmp_path / name
        file.write_text(text, encoding="utf-8")
        return file

    return write


def test_a_sound_file_becomes_a_scenario(written):
    scenario = load_scenario(written(SOUND), all_asks(), "en")
    assert (scenario.id, scenario.lasts_s, scenario.severe, scenario.seed) == ("small", 600.0, "A", 0)
    assert scenario.starts_at == datetime(2021, 4, 18, 1, 30, tzinfo=UTC)
    assert scenario.units[0].place == scenario.region.places["xinbang_station"]
    assert [point["at"] for point in scenario.casualties[0].course] == [0.0, 90.0]
    first, second, third = scenario.steps
    assert (first.at_s, first.name, first.command["note"]) == (15.0, "queue", "stand by")
    assert (second.after, second.plus_s, second.at_s) == ({"fact": "unit_assigned", "unit": "U1"}, 4.0, None)
    assert (third.fault, third.optional, third.ask) == ("kill_hub", True, "")
    assert scenario.expectations[0].at_most == 0


def test_what_people_type_is_in_the_language_of_the_drill(written):
    assert load_scenario(written(SOUND), all_asks(), "zh").steps[0].command["note"] == "待命"
    assert typed([{"zh": "甲", "en": "a"}, 3, {"x": {"zh": "乙", "en": "b"}}], "en") == ["a", 3, {"x": "b"}]


def test_offsets_are_seconds_or_hours_minutes_seconds():
    assert [seconds("0:05:30"), seconds("1:00:00"), seconds(7), seconds(0.5)] == [330.0, 3600.0, 7.0, 0.5]


def test_every_mistake_is_named_with_file_line_and_field(written):
    with pytest.raises(BadFile) as caught:
        load_scenario(written(TEN), all_asks())
    assert [(one.line, one.field, one.why) for one in caught.value.mistakes] == MISTAKES
    assert {one.file for one in caught.value.mistakes} == {"drill.yaml"}


def test_every_mistake_of_shape_is_named_at_once(written):
    with pytest.raises(BadFile) as caught:
        load_scenario(written(SHAPES), all_asks())
    assert {one.field for one in caught.value.mistakes} >= SHAPE_FIELDS


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_check_from_the_command_line_names_them_all_and_leaves_with_two(
    written, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], language: str
):
    monkeypatch.setenv("ABOARD_LANG", language)
    assert cli.run(["--lang", language, "drill", "--check", str(written(TEN))]) == 2
    told = capsys.readouterr().err.strip().splitlines()
    assert len(told) == 1 + len(MISTAKES)
    for (line, field, _), said in zip(MISTAKES, told[1:], strict=True):
        assert "drill.yaml" in said
        assert str(line) in said
        assert field in said
    assert ("行" in told[1]) == (language == "zh")
    assert "Traceback" not in "".join(told)


def test_a_sound_file_passes_the_check_and_nothing_is_played(
    written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    file = written(SOUND)
    monkeypatch.setenv("ABOARD_LANG", "en")
    monkeypatch.chdir(tmp_path)
    assert cli.run(["drill", "--check", str(file)]) == 0
    assert "small" in capsys.readouterr().out
    assert [one.name for one in tmp_path.iterdir()] == ["drill.yaml"]


def test_a_scenario_that_is_not_there_is_refused_with_the_names_that_are():
    with pytest.raises(Exception, match="g60_fengjing") as caught:
        find_scenario("g61")
    assert caught.value.key == "no_scenario"
    assert {"g60_fengjing", "auckland_crash"} <= set(list_scenarios())


def test_the_drill_of_the_paper_is_without_mistake_in_both_languages():
    for language in ("zh", "en"):
        scenario = load_scenario(find_scenario("g60_fengjing"), all_asks(), language)
        assert len(scenario.steps) > 100
        assert {one.label for one in scenario.casualties} == set("ABCDE")


def test_records_and_films_are_found_in_the_sample_data_and_beside_the_file(
    written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ABOARD_SHARED_DATA", str(tmp_path / "samples"))
    (tmp_path / "samples").mkdir()
    (tmp_path / "samples" / "wave.hea").touch()
    (tmp_path / "film.mp4").touch()
    text = SOUND.replace("course: [", 'record: "${shared_data}/wave", course: [')
    text = text.replace("at: xinbang_station", "at: xinbang_station, camera: film.mp4")
    scenario = load_scenario(written(text), all_asks())
    assert scenario.casualties[0].record == str(tmp_path / "samples" / "wave")
    assert scenario.units[0].camera == str(tmp_path / "film.mp4")


@pytest.mark.parametrize("camera", ["scene", "none", "v4l2:/dev/video0", "/dev/video0", "rtsp://camera/1"])
def test_a_camera_that_is_no_film_is_left_as_it_is(written, camera: str):
    text = SOUND.replace("at: xinbang_station", f"at: xinbang_station, camera: '{camera}'")
    assert load_scenario(written(text), all_asks()).units[0].camera == camera


def test_auckland_without_the_sample_data_is_a_mistake_with_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ABOARD_SHARED_DATA", str(tmp_path))
    with pytest.raises(BadFile) as caught:
        load_scenario(find_scenario("auckland_crash"), all_asks())
    (mistake,) = caught.value.mistakes
    assert mistake.why == "file_absent"
    assert (mistake.file, mistake.field) == ("region.yaml", "roads")
    assert mistake.line > 1


def test_auckland_is_without_mistake_where_the_sample_data_is(shared_data: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ABOARD_SHARED_DATA", str(shared_data))
    scenario = load_scenario(find_scenario("auckland_crash"), all_asks())
    assert Path(scenario.units[0].camera).is_file()
    assert Path(f"{scenario.casualties[0].record}.hea").is_file()
