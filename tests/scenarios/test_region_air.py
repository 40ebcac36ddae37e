"""What a region says of its air: bases, machines and sites with their spreads, every assumption marked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from region_stage import assumptions, load, region_file
from test_region_files import SCHEMA

from routing.air import APPROVALS, MINIMA, Approval, Spread, Weather, total_s
from routing.air.times import FIELDS
from routing.rendezvous import Question, compare
from scenarios.region import load_region
from scenarios.yaml_file import BadFile


def written(folder: Path, **changes) -> Path:
    """A region of one base, machine, pad and site."""
    spot = {"name_zh": "点", "name_en": "Spot", "lat": 31.0, "lon": 121.0, "radius_m": 10}
    place = spot | {"confidence": "low", "source": "paper"}
    region = {
        "region": "paper", "name_zh": "纸", "name_en": "Paper", "country": "CN", "timezone": "Asia/Shanghai",
        "roads": "paper.osm", "attribution": "nobody", "bbox": [120.0, 30.0, 122.0, 32.0],
        "helicopter_bases": [place | {"id": "base", "district": "d"}],
        "landing_sites": [place | {"id": "site", "kind": "field"}],
        "aircraft": [
            {"id": "h1", "name_zh": "机", "name_en": "One", "base": "base", "cruise_kmh": 240, "source": "paper"}
        ],
    }  # fmt: skip
    for path, values in changes.items():
        region[path] = [region[path][0] | values] if isinstance(region.get(path), list) else values
    (folder / "paper.osm").write_text("<osm version='0.6'/>", encoding="utf-8")
    file = folder / "region.yaml"
    file.write_text(yaml.safe_dump(region, allow_unicode=True), encoding="utf-8")
    return file


def test_the_schema_knows_the_tables_of_the_air():
    properties = SCHEMA["$defs"]["aircraft"]["properties"]
    assert set(properties["minima"]["enum"]) == set(MINIMA)
    assert set(properties["approval"]["properties"]["practice"]["enum"]) == set(APPROVALS)
    assert set(SCHEMA["properties"]["air_times"]["properties"]) == set(FIELDS.values())


def test_a_base_states_how_long_its_crews_take(tmp_path: Path):
    own = {"p10_s": 120, "p50_s": 200, "p90_s": 420, "mark": "published", "ends": "published", "source": "its log"}
    file = written(tmp_path, helicopter_bases={"alarm_to_takeoff_s": own, "night_extra_s": 300})
    home = load_region(file).aircraft["h1"].home
    assert home is not None
    assert home.alarm_to_takeoff == Spread(120, 200, 420, "published", "published", "its log")
    assert home.night_extra == Spread(300, 300, 300)
    assert (home.on_standby_takeoff, home.staffed_at_night) == (None, None)


def test_machines_and_sites_carry_their_limits(tmp_path: Path):
    machine = {"night_capable": False, "payload_kg": 400, "hoist": True, "approval": {"practice": "kingwing"}}
    site = {"surface": "grass", "slope_deg": 3, "night_use": False, "secured_by": "police", "secure_s": 240}
    region = load_region(written(tmp_path, aircraft=machine, landing_sites=site))
    found, (where,) = region.aircraft["h1"], region.sites
    assert (found.night_capable, found.payload_kg, found.hoist) == (False, 400, True)
    assert found.approval == Approval(expected=APPROVALS["kingwing"])
    assert (where.surface, where.slope_deg, where.night_use, where.secured_by) == ("grass", 3, False, "police")
    assert where.secure == Spread(240, 240, 240)


def test_times_of_the_air_are_numbers_or_spreads(tmp_path: Path):
    times = load_region(
        written(tmp_path, air_times={"loading_s": {"p10_s": 60, "p50_s": 90, "p90_s": 200}, "climb_s": 20})
    )
    assert (times.air_times.loading_s, times.air_times.climb_s) == (90, 20)
    assert times.air_times.spread("loading").p90_s == 200


@pytest.mark.parametrize(
    ("part", "values"),
    [
        ("helicopter_bases", {"alarm_to_takeoff_s": {"p10_s": 300, "p50_s": 200, "p90_s": 420}}),
        ("landing_sites", {"secure_s": {"p10_s": 1, "p50_s": 3, "p90_s": 2}}),
        ("air_times", {"hoist_s": {"p10_s": 3, "p50_s": 2, "p90_s": 1}}),
    ],
)
def test_quantiles_out_of_order_are_a_mistake_with_its_place(tmp_path: Path, part: str, values: dict):
    with pytest.raises(BadFile) as caught:
        load_region(written(tmp_path, **{part: values}))
    (mistake,) = caught.value.mistakes
    assert mistake.field.startswith(part) and mistake.field.endswith(next(iter(values)))
    assert mistake.line > 1


def test_a_region_without_any_of_it_stays_as_it_was(tmp_path: Path):
    region = load_region(written(tmp_path))
    machine, (site,) = region.aircraft["h1"], region.sites
    assert (machine.approval, machine.payload_kg, machine.night_capable) == (None, None, None)
    assert (site.secure, site.secured_by, site.slope_deg) == (None, "", None)


def test_in_the_drills_region_everything_without_a_source_is_marked_as_an_assumption():
    region, told = load("yangtze_delta"), region_file("yangtze_delta")
    (base,) = told["helicopter_bases"]
    assert {base["alarm_to_takeoff_s"]["mark"], base["alarm_to_takeoff_s"]["ends"]} == {"assumption"}
    (site,) = region.sites
    assert site.secure is not None and (site.secure.mark, site.secure.ends) == ("assumption", "assumption")
    assert region.pads["sgh_south"].pad_to_ed_mark == "assumption"
    machine = region.aircraft["rescue_helicopter"]
    assert machine.approval is not None and machine.approval.granted
    assert "assumption" in told["aircraft"][0]["approval"]["source"]


def test_the_g60_clock_comes_out_of_the_comparison_with_its_range_and_its_runner_up():
    """The decision at 9:36:30: rendezvous at Fengjing 9:45, the door 9:58, more than half an hour before the road."""
    region, clock = load("yangtze_delta"), {name: seconds(one["at"]) for name, one in assumptions()["clock"].items()}
    decided = clock["air_tasked"]
    machine = replace(
        region.aircraft["rescue_helicopter"],
        base=region.places["sgh_south_pad"],
        status="standby",
        alarmed_s_ago=decided - clock["standby_order"],
    )
    question = Question(
        "sgh_south",
        3660.0,  # an hour by road with the queues: the road's own figure is tested on the road file
        {"fengjing_service_area": clock["at_landing_site"] - clock["left_scene"]},
        region.sites,
        [machine],
        region.pads["sgh_south"],
        on_scene_s=clock["left_scene"] - decided,
        times=region.air_times,
        weather=Weather(3000, 9000, 10),
        incident_s_ago=decided,
    )
    comparison = compare(question)
    best, runner_up = comparison.plans
    assert (best.option, runner_up.option) == ("rendezvous", "ground")
    assert best.site is not None and best.site.id == "fengjing_service_area"
    assert decided + best.meet_s == pytest.approx(clock["at_landing_site"], abs=2)
    assert decided + total_s(best.air_arm) == pytest.approx(clock["helicopter_there"], abs=2)
    assert (best.decides, best.wait_s < 0) == ("drive", True)
    clocks = comparison.clocks(best)
    assert clocks.incident_to_door_s == pytest.approx(clock["door"], abs=2)
    assert clocks.saved_s is not None and clocks.saved_s >= 30 * 60
    assert [term.name for term in best.after] == [
        "loading", "climb", "cruise", "approach_landing", "unloading", "pad_to_ed",
    ]  # fmt: skip
    low, high = (comparison.clocks(best, quantile).incident_to_door_s for quantile in ("p10", "p90"))
    assert low is not None and high is not None
    assert 24 * 60 < low < clock["door"] < high < 36 * 60
    assert {"loading", "pad_to_ed"} <= {term.name for term in best.assumed}
    assert not best.unknown


def seconds(at: str) -> float:
    hours, minutes, rest = at.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + int(rest)
