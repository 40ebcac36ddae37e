"""Compare the ways to one hospital's door: by road, by air from the scene, or both with a rendezvous between.

Pure, given the driving times: `drive_times` asks the road map for them. The clock starts at the decision. A plan's
arms and terms add up to its time, and it says which of them decides. Choosing the hospital is left to dispatch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from casebook.events import Reason
from casebook.place import Place
from casebook.words import Language, say
from routing.air import (
    Aircraft,
    AirTimes,
    Check,
    LandingSite,
    Term,
    Weather,
    check_aircraft,
    check_site,
    check_weather,
    outbound_terms,
    to_the_door_terms,
    total_s,
)
from routing.engine import DEFAULT_ENGINE
from routing.ground import table
from routing.profiles import Profile
from routing.roads.roadmap import Roadmap
from routing.traffic import FREE_FLOW, Traffic

Mode = Literal["ground", "rendezvous", "air"]
MODES: tuple[Mode, ...] = ("ground", "rendezvous", "air")  # on equal times the simpler one first


@dataclass(frozen=True, slots=True)
class Question:
    """One casualty, one hospital, everything that could carry them. Seconds count from the decision.

    `on_scene_s`: until the ambulance may leave. `drive_to_site_s`: from the scene, by site id; None = no way.
    `pad`: where an aircraft lands at the hospital; None = nowhere. `scene_landing`: a site assessed at the scene.
    """

    hospital: str
    drive_to_door_s: float | None
    drive_to_site_s: Mapping[str, float | None] = field(default_factory=dict)
    sites: Sequence[LandingSite] = ()
    aircraft: Sequence[Aircraft] = ()
    pad: LandingSite | None = None
    scene_landing: LandingSite | None = None
    on_scene_s: float = 0.0
    times: AirTimes = field(default_factory=AirTimes)
    night: bool = False
    weather: Weather | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A way that is possible. `door_s` = the longer arm + `after`.

    `ground_arm` brings the patient to the meeting (or to the door), `air_arm` the aircraft; `decides` names the arm
    that the other waits for; `unknown` is what a person must settle before it is done.
    """

    mode: Mode
    hospital: str
    ground_arm: tuple[Term, ...]
    air_arm: tuple[Term, ...] = ()
    after: tuple[Term, ...] = ()
    site: LandingSite | None = None
    aircraft: Aircraft | None = None
    unknown: tuple[Reason, ...] = ()

    @property
    def meet_s(self) -> float:
        return max(total_s(self.ground_arm), total_s(self.air_arm))

    @property
    def door_s(self) -> float:
        return self.meet_s + total_s(self.after)

    @property
    def handover_to_door_s(self) -> float | None:
        """From the meeting to the door; None by road, where nobody hands over on the way."""
        return total_s(self.after) if self.after else None

    @property
    def wait_s(self) -> float:
        """How long the earlier one waits at the meeting; positive: the ambulance waits, negative: the aircraft."""
        return total_s(self.air_arm) - total_s(self.ground_arm) if self.air_arm else 0.0

    @property
    def decides(self) -> str:
        """ "flight", "drive" or "on_scene": the term that would have to shrink for an earlier door."""
        if self.wait_s > 0:
            return "flight"
        return "drive" if any(term.name == "drive" for term in self.ground_arm) else "on_scene"

    @property
    def terms(self) -> tuple[Term, ...]:
        """The longest chain from the decision to the door; adds up to `door_s`."""
        return (self.air_arm if self.wait_s > 0 else self.ground_arm) + self.after

    def as_facts(self) -> dict[str, Any]:
        """Plain JSON; seconds to 0.1."""

        def items(terms: tuple[Term, ...]) -> list[dict[str, Any]]:
            return [{"term": term.name, "seconds": round(term.seconds, 1)} for term in terms]

        return {
            "mode": self.mode,
            "hospital": self.hospital,
            "site": self.site.id if self.site else None,
            "aircraft": self.aircraft.id if self.aircraft else None,
            "door_s": round(self.door_s, 1),
            "meet_s": round(self.meet_s, 1) if self.air_arm else None,
            "wait_s": round(self.wait_s, 1),
            "decides": self.decides,
            "ground_arm": items(self.ground_arm),
            "air_arm": items(self.air_arm),
            "after": items(self.after),
            "unknown": [{"code": reason.code, "facts": dict(reason.facts)} for reason in self.unknown],
        }


@dataclass(frozen=True, slots=True)
class Refusal:
    """A way that is not possible, and why."""

    mode: Mode
    hospital: str
    reasons: tuple[Reason, ...]
    site: LandingSite | None = None
    aircraft: Aircraft | None = None

    def said(self, language: Language = "en") -> str:
        why = "; ".join(say(f"reason.{reason.code}", language, **reason.facts) for reason in self.reasons)
        return f"{say(f'routing.mode.{self.mode}', language)}: {why}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """All plans for one hospital, earliest door first, and all refusals."""

    plans: tuple[Plan, ...]
    refused: tuple[Refusal, ...]

    @property
    def best(self) -> Plan | None:
        return self.plans[0] if self.plans else None

    def best_of(self, mode: Mode) -> Plan | None:
        return next((plan for plan in self.plans if plan.mode == mode), None)

    @property
    def saved_s(self) -> float | None:
        """What the best plan saves against going by road; None when there is no road or no plan."""
        ground = self.best_of("ground")
        return None if ground is None or self.best is None else ground.door_s - self.best.door_s


def compare(question: Question) -> Comparison:
    """Every possible plan, ranked by the time at the door; ties by mode, site and aircraft, so the order is fixed."""
    outcomes = [_ground(question), *_by_air(question)]
    plans = [outcome for outcome in outcomes if isinstance(outcome, Plan)]
    refused = tuple(outcome for outcome in outcomes if isinstance(outcome, Refusal))
    return Comparison(tuple(sorted(plans, key=_rank)), refused)


def _rank(plan: Plan) -> tuple[float, int, str, str]:
    return (
        plan.door_s,
        MODES.index(plan.mode),
        plan.site.id if plan.site else "",
        plan.aircraft.id if plan.aircraft else "",
    )


def _ground(question: Question) -> Plan | Refusal:
    if question.drive_to_door_s is None:
        return Refusal("ground", question.hospital, (Reason("ground_no_road"),))
    arm = Term("on_scene", question.on_scene_s), Term("drive", question.drive_to_door_s)
    return Plan("ground", question.hospital, arm)


def _by_air(question: Question) -> list[Plan | Refusal]:
    """One outcome per aircraft and landing site; one refusal for all when the hospital has no pad."""
    if not question.aircraft:
        return []
    if question.pad is None:
        return [Refusal("rendezvous", question.hospital, (Reason("air_no_pad"),))]
    outcomes: list[Plan | Refusal] = []
    for aircraft in question.aircraft:
        flies = check_aircraft(aircraft).also(check_weather(question.weather, aircraft, night=question.night))
        flies = flies.also(check_site(question.pad, aircraft, night=question.night))
        if flies.refused:
            outcomes.append(Refusal("rendezvous", question.hospital, flies.refused, aircraft=aircraft))
            continue
        outcomes.extend(_meeting(question, question.pad, aircraft, site, flies) for site in question.sites)
        if question.scene_landing:
            outcomes.append(_meeting(question, question.pad, aircraft, question.scene_landing, flies, at_scene=True))
    return outcomes


def _meeting(
    question: Question, pad: LandingSite, aircraft: Aircraft, site: LandingSite, flies: Check, *, at_scene: bool = False
) -> Plan | Refusal:
    mode: Mode = "air" if at_scene else "rendezvous"
    check = flies.also(check_site(site, aircraft, night=question.night))
    drive_s = 0.0 if at_scene else question.drive_to_site_s.get(site.id)
    if drive_s is None:
        check = check.also(Check((Reason("air_no_road", site.named),)))
    if check.refused or drive_s is None:
        return Refusal(mode, question.hospital, check.refused, site, aircraft)
    drive = () if at_scene else (Term("drive", drive_s),)
    return Plan(
        mode,
        question.hospital,
        ground_arm=(Term("on_scene", question.on_scene_s), *drive),
        air_arm=outbound_terms(aircraft, site.place, question.times, night=question.night),
        after=to_the_door_terms(aircraft, site, pad, question.times),
        site=site,
        aircraft=aircraft,
        unknown=check.unknown,
    )


def drive_times(
    roadmap: Roadmap,
    scene: Place,
    door: Place,
    sites: Sequence[LandingSite],
    *,
    profile: Profile,
    traffic: Traffic = FREE_FLOW,
    at: datetime,
    engine: str = DEFAULT_ENGINE,
) -> tuple[float | None, dict[str, float | None]]:
    """Likely seconds from the scene to the door, and to each landing site by id; None where there is no way."""
    ends = [door, *(site.place for site in sites)]
    (times,) = table(roadmap, [scene], ends, profile=profile, traffic=traffic, at=at, engine=engine)
    return times[0], {site.id: seconds for site, seconds in zip(sites, times[1:], strict=True)}
