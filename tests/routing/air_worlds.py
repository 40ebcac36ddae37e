"""Small random worlds for the air tests: a casualty, aircraft, sites, hospitals; and door times computed by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from random import Random

from casebook.place import Place, distance_m
from routing.air import FIGURES, Aircraft, AirTimes, Approval, Base, LandingSite, Spread, Weather
from routing.rendezvous import CarryOn, Door, Question

KINDS = ("helipad", "service_area", "field", "road")


def place(rng: Random) -> Place:
    return Place(rng.uniform(30.7, 31.3), rng.uniform(120.8, 121.6))


def spread(rng: Random, longest_s: float) -> Spread:
    return Spread(*sorted(rng.uniform(0, longest_s) for _ in range(3)))


def maybe(rng: Random, value, share: float = 0.5):
    return value if rng.random() < share else None


def site(rng: Random, id: str) -> LandingSite:
    return LandingSite(
        id,
        place(rng),
        rng.choice(KINDS),
        maybe(rng, (rng.uniform(15, 80), rng.uniform(15, 60)), 0.8),
        rng.choice((True, True, False, None)),
        pad_to_ed_s=maybe(rng, rng.uniform(0, 600)),
        surveyed=rng.choice((True, False, None)),
        surface=rng.choice(("grass", "asphalt", "snow", "water", None)),
        slope_deg=maybe(rng, rng.uniform(0, 9)),
        night_use=rng.choice((True, False, None)),
        secured_by=rng.choice(("", "police")),
        secure=maybe(rng, spread(rng, 1500), 0.3),
        by_ambulance=rng.random() < 0.2,
    )


def aircraft(rng: Random, id: str) -> Aircraft:
    base = place(rng)
    own = (maybe(rng, spread(rng, 900), 0.4) for _ in range(3))
    return Aircraft(
        id,
        base,
        cruise_kmh=rng.uniform(150, 310),
        d_value_m=rng.choice((12.26, 16.66)),
        pilots=rng.choice((1, 2)),
        status=rng.choice(("at_base", "at_base", "standby", "airborne", "unavailable")),
        at=maybe(rng, place(rng), 0.3),
        alarmed_s_ago=rng.choice((0.0, rng.uniform(0, 1200))),
        wind_limit_kt=maybe(rng, rng.uniform(10, 60)),
        climb_ms=maybe(rng, rng.uniform(4, 11)),
        hoist=rng.random() < 0.5,
        hoist_at_night=rng.choice((True, False, None)),
        night_capable=rng.choice((True, True, False, None)),
        payload_kg=maybe(rng, rng.uniform(200, 900)),
        home=maybe(rng, Base(f"b{id}", base, *own, rng.choice((True, True, False, None)))),
        approval=maybe(
            rng, Approval(rng.random() < 0.3, maybe(rng, spread(rng, 2400)), maybe(rng, rng.uniform(0, 2400)))
        ),
    )


def world(rng: Random) -> tuple[Question, list[Door], list[float | None]]:
    """A question without hospital, the doors, and the drive to each."""
    sites = [site(rng, f"s{n}") for n in range(rng.randint(0, 6))]
    drives = {one.id: maybe(rng, rng.uniform(0, 4000), 0.9) for one in sites}
    doors = [door(rng, n) for n in range(rng.randint(1, 4))]
    question = Question(
        "",
        None,
        drives,
        sites,
        [aircraft(rng, f"h{n}") for n in range(rng.randint(0, 3))],
        scene_landing=maybe(rng, site(rng, "scene"), 0.3),
        on_scene_s=rng.uniform(0, 1800),
        times=AirTimes(loading_s=rng.uniform(0, 600), hoist_s=rng.uniform(300, 1200)),
        night=rng.random() < 0.3,
        weather=maybe(
            rng, Weather(rng.uniform(250, 5000), rng.uniform(800, 9000), maybe(rng, rng.uniform(0, 60))), 0.8
        ),
        scene=maybe(rng, place(rng), 0.3),
        scene_clear=rng.choice((True, True, False, None)),
        load_kg=maybe(rng, rng.uniform(200, 600)),
        securing_s_ago={one.id: rng.uniform(0, 900) for one in sites if rng.random() < 0.3},
        daylight_left_s=maybe(rng, rng.uniform(0, 7200), 0.3),
        drive_to_site_range_s={
            id: (s * 0.8, s * 1.3) for id, s in drives.items() if s is not None and rng.random() < 0.5
        },
    )
    return question, doors, [maybe(rng, rng.uniform(0, 9000), 0.8) for _ in doors]


def door(rng: Random, number: int) -> Door:
    onward = [
        CarryOn(site(rng, f"o{number}.{n}"), maybe(rng, rng.uniform(0, 1200), 0.8), maybe(rng, rng.uniform(0, 5000)))
        for n in range(rng.choice((0, 0, 1, 2)))
    ]
    return Door(f"d{number}", maybe(rng, site(rng, f"p{number}"), 0.8), onward)


def asked_at(question: Question, door: Door, drive_s: float | None) -> Question:
    return replace(question, hospital=door.hospital, drive_to_door_s=drive_s, pad=door.pad, onward=door.onward)


# --- by hand: plain arithmetic, nothing of the module's own


def by_hand_s(
    question: Question,
    machine: Aircraft,
    meeting: LandingSite | None,
    end: LandingSite,
    carry_on: CarryOn | None,
    p: str,
) -> float:
    """Seconds to the door, from the scene by hoist where `meeting` is None, at p10, p50 or p90."""
    times, where = question.times, meeting.place if meeting else question.scene
    assert where is not None
    fixed = {name: _fixed(times, name, p) for name in ("loading", "hoist", "unloading", "transfer")}
    climb, approach = _climb(machine, times, p), _fixed(times, "approach_landing", p)
    out = _ready(question, machine, p) + _cruise(question, machine, distance_m(machine.here, where), p)
    out += 0.0 if machine.status == "airborne" else climb
    ground = question.on_scene_s
    if meeting is not None:
        out = max(out, _secured(question, meeting, p)) + approach
        if meeting is not question.scene_landing:
            ground += _drive(question, meeting, p)
    leaves = max(ground, out) + fixed["loading" if meeting else "hoist"] + climb
    arrives = leaves + _cruise(question, machine, distance_m(where, end.place), p)
    down = max(arrives, _secured(question, end, p)) + approach + fixed["unloading"]
    if carry_on is None:
        return down + _walk(times, end, p)
    assert carry_on.drive_s is not None
    return max(down, carry_on.there_s or 0.0) + fixed["transfer"] + carry_on.drive_s


def _of(spread: Spread, p: str) -> float:
    return {"p10": spread.p10_s, "p50": spread.p50_s, "p90": spread.p90_s}[p]


def _fixed(times: AirTimes, name: str, p: str) -> float:
    field = "on_standby_takeoff_s" if name == "standby_takeoff" else f"{name}_s"
    return _scaled(name, getattr(times, field), p)


def _scaled(name: str, p50_s: float, p: str) -> float:
    return p50_s * _of(FIGURES[name], p) / FIGURES[name].p50_s


def _climb(machine: Aircraft, times: AirTimes, p: str) -> float:
    return _scaled("climb", times.climb_s if machine.climb_ms is None else 225 / machine.climb_ms, p)


def _ready(question: Question, machine: Aircraft, p: str) -> float:
    if machine.status == "airborne":
        return 0.0
    home = machine.home
    if machine.status == "standby":
        own, name = home.on_standby_takeoff if home else None, "standby_takeoff"
    else:
        own, name = home.alarm_to_takeoff if home else None, "alarm_to_takeoff"
    needed = _of(own, p) if own else _fixed(question.times, name, p)
    if question.night:
        needed += _of(home.night_extra, p) if home and home.night_extra else _fixed(question.times, "night_extra", p)
    ready, approval = max(0.0, needed - machine.alarmed_s_ago), machine.approval
    if approval and not approval.granted and approval.expected:
        ready = max(ready, _of(approval.expected, p) - (approval.running_s or 0.0))
    return ready


def _cruise(question: Question, machine: Aircraft, length_m: float, p: str) -> float:
    kmh, weather = machine.cruise_kmh, question.weather
    if weather is None or weather.wind_kt is None:
        over_ground = kmh * {"p10": 1.1, "p50": 1.0, "p90": 0.9}[p]
    else:
        over_ground = kmh + {"p10": 1, "p50": 0, "p90": -1}[p] * min(weather.wind_kt * 1.852, kmh / 2)
    return length_m / (over_ground / 3.6)


def _secured(question: Question, where: LandingSite, p: str) -> float:
    return _of(where.secure, p) - question.securing_s_ago.get(where.id, 0.0) if where.secure else -math.inf


def _drive(question: Question, meeting: LandingSite, p: str) -> float:
    likely_s = question.drive_to_site_s[meeting.id]
    assert likely_s is not None
    low_s, high_s = question.drive_to_site_range_s.get(meeting.id, (likely_s, likely_s))
    return {"p10": low_s, "p50": likely_s, "p90": high_s}[p]


def _walk(times: AirTimes, pad: LandingSite, p: str) -> float:
    name = "pad_to_ed_by_ambulance" if pad.by_ambulance else "pad_to_ed"
    return _fixed(times, name, p) if pad.pad_to_ed_s is None else _scaled(name, pad.pad_to_ed_s, p)
