"""What if: a closure, a bay, a hospital, the helicopter, daylight; the answer changes and the book does not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from valley import G1_EAST, START, casualty, crash, enrolled, reported, told, valley_area

from casebook import events as e
from casebook.errors import CoordinationError, RefusedInput
from casebook.picture import Picture
from dispatch.closure_preview import FindStretch, find_stretch
from dispatch.rule_files import default_policy
from dispatch.what_if import SupposedClosure, SupposedFigure, WhatIf, supposed, what_if
from routing.roads import Roadmap

A = "20210418-001-A"
NIGHT = START + timedelta(hours=12)  # 21:30 in Shanghai
Ask = Callable[..., dict[str, Any]]


def picture(*more: e.Event, helicopter: bool = False) -> Picture:
    return told([*enrolled(helicopter), *reported(), *crash(), *casualty(), *more])


def answer(valley: Roadmap, known: Picture, at=START, **fields: Any) -> dict[str, Any]:
    return what_if(WhatIf(A, **fields), known, at, valley, valley_area(), default_policy())


def first(proposal: dict[str, Any]) -> tuple[str, str]:
    return proposal["options"][0]["hospital"], proposal["options"][0]["mode"]


def test_nothing_supposed_is_the_real_answer_to_the_byte(valley: Roadmap):
    told_of = answer(valley, picture(G1_EAST))
    assert told_of["real"] == told_of["supposed"] and told_of["moves"] == []


def test_a_closure_lifted_shortens_the_drive_and_leaves_the_picture_as_it_was(valley: Roadmap):
    known = picture(G1_EAST)
    roads = dict(known.roads)
    told_of = answer(valley, known, reopen=("G1-east",))
    real, then = (next(o for o in told_of[name]["clocks"].values()) for name in ("real", "supposed"))
    assert then["eta_s"] < real["eta_s"]
    assert dict(known.roads) == roads
    assert any(move["hospital"] == "city" and move["now_s"] < move["was_s"] for move in told_of["moves"])


def test_a_road_closed_by_number_sends_the_patient_round(valley: Roadmap):
    told_of = answer(valley, picture(), close=("G1",))
    city = {name: next(o for o in told_of[name]["options"] if o["hospital"] == "city") for name in ("real", "supposed")}
    assert city["supposed"]["eta_s"] > city["real"]["eta_s"]
    assert [r for o in told_of["supposed"]["options"] for r in o["reasons"] if r["facts"].get("closure")]


def test_a_stretch_closed_on_the_map_does_what_closing_it_for_real_would_do(valley: Roadmap):
    found = find_stretch(FindStretch(31.0, 121.15), valley)
    drawn = SupposedClosure(ref=found["ref"], polygon=tuple(map(tuple, found["polygon"])))
    then = answer(valley, picture(), shut=(drawn,))["supposed"]
    real = picture(e.RoadClosed("R9", "flood", drawn.polygon, ref=drawn.ref))
    minutes = {(one["hospital"], one["mode"]): one["eta_s"] for one in answer(valley, real)["real"]["options"]}
    assert {(one["hospital"], one["mode"]): one["eta_s"] for one in then["options"]} == minutes
    free = answer(valley, picture())["real"]["options"]
    assert minutes != {(one["hospital"], one["mode"]): one["eta_s"] for one in free}


def test_a_stretch_that_meets_no_road_is_refused(valley: Roadmap):
    nowhere = SupposedClosure(polygon=((10.0, 10.0), (10.1, 10.0), (10.1, 10.1)))
    with pytest.raises(RefusedInput) as refused:
        answer(valley, picture(), shut=(nowhere,))
    assert refused.value.key == "closure_meets_no_road"


def test_a_hospital_shut_or_full_loses_and_opened_again_wins(valley: Roadmap):
    assert first(answer(valley, picture(), hospitals={"city": False})["supposed"]) == ("mill", "road")
    none_left = (SupposedFigure("city", "resus_bay", 0),)
    full = answer(valley, picture(), figures=none_left)
    assert first(full["supposed"]) == ("mill", "road")
    assert {"hospital": "city", "mode": "road"}.items() <= full["moves"][-1].items() and "now" not in full["moves"][-1]
    shut = picture(e.ServiceClosed("city", "*", "power cut"), e.ServiceClosed("city", "ct", "broken"))
    told_of = answer(valley, shut, hospitals={"city": True})
    assert first(told_of["real"]) == ("mill", "road") and first(told_of["supposed"]) == ("city", "road")


def test_the_stated_counterfactual_does_what_it_says(valley: Roadmap):
    """A loser's own change, supposed here, makes it the first."""
    known = picture(e.CapacityReported("city", "resus_bay", 0, 4))
    (change,) = [o["would_win"] for o in answer(valley, known)["real"]["rejected"] if o["hospital"] == "city"]
    assert change["code"] == "change.bay_freed"
    one_more = (SupposedFigure("city", change["facts"]["resource"], 1),)
    assert first(answer(valley, known, figures=one_more)["supposed"])[0] == "city"


def test_without_the_helicopter_the_road_is_left_and_with_it_the_meeting_wins(valley: Roadmap):
    known = picture(G1_EAST, helicopter=True)
    told_of = answer(valley, known, aircraft={"H1": False})
    assert first(told_of["real"]) == ("city", "rendezvous") and first(told_of["supposed"])[1] == "road"
    busy = picture(G1_EAST, e.IncidentOpened("I2", valley_area().places[0], "fall", 1, "120", ""),
                   e.UnitOnStandby("H1", "I2"), helicopter=True)  # fmt: skip
    told_of = answer(valley, busy, aircraft={"H1": True})
    assert first(told_of["real"])[1] == "road" and first(told_of["supposed"]) == ("city", "rendezvous")


@pytest.mark.parametrize(("at", "daylight"), [(START, False), (NIGHT, True)])
def test_the_sun_can_be_moved(valley: Roadmap, at, daylight: bool):
    """By day the helicopter flies to a site that it may not use by night."""
    told_of = answer(valley, picture(G1_EAST, helicopter=True), at=at, daylight=daylight)
    by_day, by_night = (told_of[name] for name in (("supposed", "real") if daylight else ("real", "supposed")))
    flown = [
        any(o["mode"] == "rendezvous" and o.get("place") for o in p["clocks"].values()) for p in (by_day, by_night)
    ]
    assert flown == [True, False] or by_day["options"] != by_night["options"]


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({"close": ("G999",)}, "closure_meets_no_road"),
        ({"figures": (SupposedFigure("city", "chairs", 2),)}, "unknown_resource"),
        ({"figures": (SupposedFigure("city", "resuscitation", 2),)}, "counts_patients"),
        ({"figures": (SupposedFigure("nowhere", "resus_bay", 2),)}, "not_found"),
        ({"aircraft": {"A2": True}}, "not_found"),
    ],
)
def test_what_there_is_not_cannot_be_supposed(valley: Roadmap, fields: dict[str, Any], key: str):
    with pytest.raises(CoordinationError) as refused:
        supposed(picture(), WhatIf(A, **fields), START, valley)
    assert refused.value.key == key
    for language in ("zh", "en"):
        assert "{" not in refused.value.said(language)


def test_too_much_at_once_is_refused_before_anything_is_thought():
    import msgspec

    from casebook.asking import read_command

    raw = msgspec.json.encode({"casualty": A, "close": ["G1"] * 99})
    with pytest.raises(RefusedInput):
        read_command(raw, WhatIf, "what_if")
