"""The region files: their shape, their words, and that every place keeps how sure it is."""

from __future__ import annotations

import json

import jsonschema
import pytest
from region_stage import REGIONS, assumptions, load, region_file

from casebook.capacity import CAPABILITIES

SCHEMA = json.loads((REGIONS / "region.schema.json").read_text(encoding="utf-8"))
LISTS = ("hospitals", "stations", "landing_sites", "helicopter_bases", "places")


def test_the_schema_is_one_and_knows_the_casebooks_capabilities():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert tuple(SCHEMA["$defs"]["capabilities"]["items"]["enum"]) == CAPABILITIES


@pytest.mark.parametrize("name", ["yangtze_delta", "auckland"])
def test_a_region_file_keeps_to_the_schema(name: str):
    jsonschema.validate(region_file(name), SCHEMA)


def test_ids_are_unique_and_whatever_is_named_exists():
    region = region_file("yangtze_delta")
    ids = [one["id"] for part in LISTS for one in region[part]]
    assert len(ids) == len(set(ids))
    districts = {one["id"] for one in region["districts"]}
    for part in LISTS:
        assert all(one.get("district", "songjiang") in districts for one in region[part])
    assert all(one["pad"] in ids for one in region["hospitals"] if "pad" in one)
    assert all(one["base"] in ids for one in region["aircraft"])


def test_every_place_lies_in_the_regions_box_and_says_how_sure_it_is():
    region = region_file("yangtze_delta")
    west, south, east, north = region["bbox"]
    for one in (one for part in LISTS for one in region[part]):
        assert west <= one["lon"] <= east
        assert south <= one["lat"] <= north
        assert one["source"]
        assert one["radius_m"] > 0
        assert one["confidence"] in ("high", "medium", "low")


def test_only_a_hospital_with_a_pad_declares_a_helipad():
    for one in region_file("yangtze_delta")["hospitals"]:
        assert ("helipad" in one["capabilities"]) == ("pad" in one), one["id"]
        assert ("trauma_centre" in one["capabilities"]) == (one["trauma_level"] is not None), one["id"]


def test_the_assumptions_name_places_of_the_region():
    region, told = load("yangtze_delta"), assumptions()
    assert told["ambulance_post"]["place"] in region.places
    assert told["helicopter"]["waits_at"] in region.places
    assert told["helicopter"]["aircraft"] in region.aircraft
    assert {told["counterfactual_ground"]["from"], told["counterfactual_ground"]["to"]} <= set(region.places)


def test_auckland_reads_the_real_tables(shared_data, monkeypatch):
    monkeypatch.setenv("ABOARD_SHARED_DATA", str(shared_data))
    region = load("auckland")
    assert {one.name_en for one in region.hospitals.values()} >= {"Auckland Hospital", "Middlemore Hospital"}
    assert region.roads.is_file()
    assert sum(id.startswith("station_") for id in region.places) == 14
