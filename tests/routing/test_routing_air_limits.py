"""What a machine and a site may not do, what nobody knows, and that every sentence of it is there in both languages."""

from __future__ import annotations

from dataclasses import replace

import pytest

from casebook.errors import RefusedInput
from casebook.place import Place
from casebook.words import say
from routing.air import (
    APPROVALS,
    MINIMA,
    Aircraft,
    Approval,
    Base,
    Check,
    LandingSite,
    Spread,
    Weather,
    aircraft_of_type,
    check_aircraft,
    check_hoist,
    check_site,
    check_weather,
)
from routing.air.aircraft import TYPES, assumed_figures
from routing.air.tables import table

BASE = Place(31.1669, 121.454, "龙华", "Longhua")
MACHINE = Aircraft("h1", BASE, "一号机", "One", night_capable=True)
CALM = Weather(3000, 8000, 5)
FIELD = LandingSite("f", Place(30.9, 121.0, "田", "Field"), "field", (60, 60), True, surface="grass", slope_deg=2)


def codes(check: Check) -> tuple[list[str], list[str]]:
    return [reason.code for reason in check.refused], [reason.code for reason in check.unknown]


@pytest.mark.parametrize(
    ("machine", "refused", "unknown"),
    [
        (MACHINE, [], []),
        (replace(MACHINE, night_capable=False), ["air_not_by_night"], []),
        (replace(MACHINE, night_capable=None), [], ["air_night_unknown"]),
        (replace(MACHINE, home=Base("b", BASE, staffed_at_night=False)), ["air_base_closed"], []),
        (replace(MACHINE, home=Base("b", BASE)), [], []),
        (replace(MACHINE, home=Base("b", BASE, staffed_at_night=False), status="standby"), [], []),
    ],
)
def test_by_night_a_machine_must_be_able_and_its_base_staffed(machine: Aircraft, refused: list, unknown: list):
    assert codes(check_aircraft(machine, night=True)) == (refused, unknown)
    assert codes(check_aircraft(machine, night=False)) == ([], [])


@pytest.mark.parametrize(
    ("payload_kg", "load_kg", "refused", "unknown"),
    [
        (None, 900, [], []),
        (400, 400, [], []),
        (400, 401, ["air_payload"], []),
        (400, None, [], []),  # the usual load fits
        (300, None, [], ["air_load_unknown"]),  # it would not: somebody has to weigh
    ],
)
def test_a_load_above_the_limit_is_refused_with_its_figures(payload_kg, load_kg, refused: list, unknown: list):
    check = check_aircraft(replace(MACHINE, payload_kg=payload_kg), load_kg=load_kg)
    assert codes(check) == (refused, unknown)
    if refused:
        (reason,) = check.refused
        assert say("reason.air_payload", "en", **reason.facts) == "401 kg is more than One carries (400 kg)"


def test_the_airspace_answers_at_once_in_its_usual_time_late_or_nobody_knows():
    kingwing = APPROVALS["kingwing"]

    def asked(**changes) -> tuple[list[str], list[str]]:
        return codes(check_aircraft(replace(MACHINE, approval=Approval(**changes))))

    assert asked(granted=True) == ([], [])
    assert asked(expected=kingwing) == ([], [])
    assert asked(expected=kingwing, running_s=600) == ([], [])
    assert asked(expected=kingwing, running_s=kingwing.p50_s + 1) == ([], ["air_approval_overdue"])
    assert asked() == ([], ["air_approval_unknown"])
    assert codes(check_aircraft(replace(MACHINE, approval=Approval(), status="airborne"))) == ([], [])


def test_kingwings_practice_of_thirty_minutes_stands_with_its_source():
    kingwing = APPROVALS["kingwing"]
    assert kingwing.p90_s == 30 * 60
    assert (kingwing.mark, "2018" in kingwing.source) == ("assumption", True)


def test_a_hoist_is_there_or_not_and_by_night_known_or_not():
    hoist = replace(MACHINE, hoist=True)

    def judged(machine: Aircraft, *, night: bool):
        return codes(check_hoist(machine, CALM, night=night, clear=True))

    assert judged(MACHINE, night=False) == (["air_no_hoist"], [])
    assert judged(hoist, night=False) == ([], [])
    assert judged(hoist, night=True) == ([], ["air_hoist_night_unknown"])
    assert judged(replace(hoist, hoist_at_night=False), night=True) == (["air_no_hoist_by_night"], [])
    assert judged(replace(hoist, hoist_at_night=True), night=True) == ([], [])


def test_where_nobody_has_looked_up_or_told_the_wind_a_hoist_is_not_known_to_be_possible():
    hoist = replace(MACHINE, hoist=True, wind_limit_kt=None)
    assert codes(check_hoist(hoist, CALM, night=False, clear=None)) == ([], ["air_hoist_place_unknown"])
    assert codes(check_hoist(hoist, CALM, night=False, clear=False)) == (["air_hoist_obstacles"], [])
    for silent in (None, Weather(3000, 8000)):
        assert codes(check_hoist(hoist, silent, night=False, clear=True)) == ([], ["air_wind_unknown"])
    limited = replace(hoist, wind_limit_kt=30)  # its wind is asked for whatever it does: said once
    assert codes(check_hoist(limited, None, night=False, clear=True)) == ([], [])
    assert "air_wind_unknown" in codes(check_weather(None, limited, night=False))[1]


@pytest.mark.parametrize(
    ("changes", "refused", "unknown"),
    [
        ({}, [], []),
        ({"slope_deg": 6.0}, [], []),
        ({"slope_deg": 6.1}, ["air_site_steep"], []),
        ({"slope_deg": None}, [], ["air_site_slope_unknown"]),
        ({"surface": None}, [], ["air_site_surface_unknown"]),
        ({"surface": "snow"}, [], ["air_site_surface_unknown"]),
        ({"surface": "marsh"}, ["air_site_no_ground"], []),
        ({"surveyed": True, "size_m": None, "slope_deg": None, "surface": None}, [], []),
        ({"kind": "road", "slope_deg": None, "surface": None}, [], []),  # built for lorries
        ({"kind": "road", "surface": "snow"}, [], ["air_site_surface_unknown"]),
        ({"secured_by": "police"}, [], ["air_site_securing_unknown"]),
        ({"secured_by": "police", "secure": Spread(60, 120, 300)}, [], []),
    ],
)
def test_open_ground_must_be_even_and_firm(changes: dict, refused: list, unknown: list):
    assert codes(check_site(replace(FIELD, **changes), MACHINE, night=False)) == (refused, unknown)


def test_a_site_may_be_closed_by_night_though_it_is_lit():
    assert codes(check_site(replace(FIELD, night_use=False), MACHINE, night=True)) == (["air_site_not_by_night"], [])
    assert codes(check_site(replace(FIELD, night_use=False), MACHINE, night=False)) == ([], [])


def test_an_operator_may_be_stricter_than_the_regulation():
    strict = replace(MACHINE, pilots=2, minima="east_anglian")
    low = Weather(500, 5000)
    assert check_weather(low, replace(strict, minima="spa_hems_120"), night=False).allowed is True
    assert codes(check_weather(low, strict, night=False)) == (["air_ceiling_low"], [])
    with pytest.raises(RefusedInput):
        check_weather(low, replace(strict, minima="nobody"), night=False)


@pytest.mark.parametrize("name", MINIMA)
def test_every_table_of_minima_has_a_source_and_asks_more_by_night_and_of_one_pilot(name: str):
    rows = MINIMA[name]
    assert rows["source"]
    for pilots in ("1", "2"):
        assert min(row[0] for row in rows["night"][pilots]) >= max(row[0] for row in rows["day"][pilots])
        assert min(row[1] for row in rows["night"][pilots]) >= min(row[1] for row in rows["day"][pilots])
    for light in ("day", "night"):
        assert all(one[1] >= two[1] for one, two in zip(rows[light]["1"], rows[light]["2"], strict=True))


@pytest.mark.parametrize("name", ["figures", "weather_minima", "landing", "aircraft_types"])
def test_every_table_is_dated_and_every_row_names_its_source(name: str):
    def rows(value):
        if isinstance(value, dict):
            if any(isinstance(value.get(key), (int, float)) for key in ("p50_s", "value", "limit")):
                yield value
            for inner in value.values():
                yield from rows(inner)

    whole = table(name)
    assert whole["as_of"]
    assert all(row["source"] for row in rows(whole))


def test_a_type_brings_its_figures_and_says_which_of_them_are_assumed():
    machine = aircraft_of_type("H135", "h9", BASE, payload_kg=480)
    assert (machine.cruise_kmh, machine.payload_kg, machine.type) == (252, 480, "H135")
    assert "cruise_kmh" not in assumed_figures("H135")
    assert "payload_kg" in assumed_figures("H135")
    for name in TYPES:
        assert aircraft_of_type(name, "h", BASE).cruise_kmh > 150
    with pytest.raises(RefusedInput):
        aircraft_of_type("balloon", "h", BASE)


def test_every_new_reason_is_said_in_both_languages_with_all_its_facts():
    night = replace(MACHINE, night_capable=False, home=Base("b", BASE, staffed_at_night=False), payload_kg=100)
    late = Approval(expected=Spread(60, 120, 180), running_s=900)
    hoist = replace(MACHINE, hoist=True)
    checks = [
        check_aircraft(night, night=True, load_kg=300),
        check_aircraft(replace(night, night_capable=None, approval=late), night=True),
        check_aircraft(replace(MACHINE, approval=Approval())),
        check_hoist(MACHINE, CALM, night=False, clear=True),
        check_hoist(hoist, CALM, night=True, clear=None),
        check_hoist(replace(hoist, hoist_at_night=False), CALM, night=True, clear=False),
        check_site(replace(FIELD, slope_deg=9, surface="water", night_use=False, secured_by="x"), MACHINE, night=True),
        check_site(replace(FIELD, slope_deg=None, surface="dust"), MACHINE, night=False),
    ]
    reasons = [reason for check in checks for reason in check.refused + check.unknown]
    assert len({reason.code for reason in reasons}) == 18
    for reason in reasons:
        zh, en = (say(f"reason.{reason.code}", language, **reason.facts) for language in ("zh", "en"))
        assert zh != en and "?" not in zh + en
