"""The answers: a plan with its arms, terms, range and clocks; a refusal with its reasons; the ranked comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from casebook.events import Reason
from casebook.words import Language, say
from routing.air import Aircraft, LandingSite, Quantile, Term, total_s
from routing.rendezvous.question import CarryOn

Mode = Literal["ground", "rendezvous", "air"]
MODES: tuple[Mode, ...] = ("ground", "rendezvous", "air")  # on equal times the simpler one first
#: A way as it is carried out; a second ambulance from where the aircraft lands is an option of its own.
Option = Literal["ground", "rendezvous", "scene_landing", "scene_hoist", "second_ambulance"]
OPTIONS: tuple[Option, ...] = ("ground", "rendezvous", "scene_landing", "scene_hoist", "second_ambulance")
_WAITS = {"site_wait": "securing", "approval_wait": "approval"}  # a term in the air arm -> what decides

_SECOND = "wait_for_second_ambulance"
_ALL_WAITS = {*_WAITS, _SECOND}

Arms = tuple[tuple[Term, ...], tuple[Term, ...]]  # on the ground and in the air, until they meet


def option_of(mode: Mode, hoist: bool, second: bool) -> Option:
    """`second`: a second ambulance carries on from where the aircraft lands."""
    if mode == "ground":
        return "ground"
    if second:
        return "second_ambulance"
    return "rendezvous" if mode == "rendezvous" else "scene_hoist" if hoist else "scene_landing"


@dataclass(frozen=True, slots=True)
class Clocks:
    """The four clocks of one plan, in seconds; None: not given, no handover on the way, no way by road."""

    incident_to_door_s: float | None
    decision_to_door_s: float
    handover_to_door_s: float | None
    ground_s: float | None

    @property
    def saved_s(self) -> float | None:
        """Against going by road."""
        return None if self.ground_s is None else self.ground_s - self.decision_to_door_s

    def as_facts(self) -> dict[str, float | None]:
        """Plain JSON, seconds to 0.1."""
        told = {name: getattr(self, name) for name in (*self.__slots__, "saved_s")}
        return {name: None if value is None else round(value, 1) for name, value in told.items()}


def meets_at(arms: Arms, quantile: Quantile) -> float:
    return max(total_s(arms[0], quantile), total_s(arms[1], quantile))


def ends_at(arms: Arms, after: tuple[Term, ...], quantile: Quantile) -> float:
    """When what comes after the meeting is over, from the decision; p10 <= p50 <= p90."""
    likely_s = meets_at(arms, "p50") + total_s(after)
    if quantile == "p50":
        return likely_s
    low_s, high_s = _about(likely_s, arms, after)
    return low_s if quantile == "p10" else high_s


def range_of(arms: Arms, after: tuple[Term, ...]) -> tuple[float, float]:
    """The p10 and the p90 of `ends_at`."""
    return _about(meets_at(arms, "p50") + total_s(after), arms, after)


def _about(likely_s: float, arms: Arms, after: tuple[Term, ...]) -> tuple[float, float]:
    """The ends differ from the middle by what their terms say, or by the last bit of a sum: never turned round."""
    low_s = meets_at(arms, "p10") + total_s(after, "p10")
    high_s = meets_at(arms, "p90") + total_s(after, "p90")
    return min(low_s, likely_s), max(high_s, likely_s)


def _waits(terms: tuple[Term, ...], quantile: Quantile) -> set[str]:
    """The names of the waits among these terms that are not empty."""
    return {term.name for term in terms if term.name in _ALL_WAITS and term.at(quantile) > 0}


def air_decides(air_arm: tuple[Term, ...]) -> str:
    """What would have to shrink for an earlier meeting that the ambulance waits for: "securing", "approval" or
    "flight"."""
    return _longest_wait(_waits(air_arm, "p50"))


def _longest_wait(names: set[str]) -> str:
    return next((told for name, told in _WAITS.items() if name in names), "flight")


@dataclass(frozen=True, slots=True)
class Plan:
    """A way that is possible. `door_s` = the longer arm + `after`.

    `ground_arm` brings the patient to the meeting (or to the door), `air_arm` the aircraft; `decides` names the arm
    that the other waits for; `unknown` is what a person must settle before it is done. `pad` is where the aircraft
    lands for the hospital, `carry_on` the second ambulance from there, `hoist` whether it lifts without landing.
    """

    mode: Mode
    hospital: str
    ground_arm: tuple[Term, ...]
    air_arm: tuple[Term, ...] = ()
    after: tuple[Term, ...] = ()
    site: LandingSite | None = None
    aircraft: Aircraft | None = None
    unknown: tuple[Reason, ...] = ()
    pad: LandingSite | None = None
    carry_on: CarryOn | None = None
    hoist: bool = False

    @property
    def option(self) -> Option:
        second = self.carry_on is not None or (self.pad is not None and self.pad.by_ambulance)
        return option_of(self.mode, self.hoist, second)

    def meet_at(self, quantile: Quantile) -> float:
        return meets_at((self.ground_arm, self.air_arm), quantile)

    def door_at(self, quantile: Quantile) -> float:
        """At the door, from the decision; p10 <= p50 <= p90 (how they are joined: routing/air/spread.py)."""
        return ends_at((self.ground_arm, self.air_arm), self.after, quantile)

    @property
    def meet_s(self) -> float:
        return self.meet_at("p50")

    @property
    def door_s(self) -> float:
        return self.door_at("p50")

    @property
    def handover_to_door_s(self) -> float | None:
        """From the meeting to the door; None by road, where nobody hands over on the way."""
        return total_s(self.after) if self.after else None

    @property
    def wait_s(self) -> float:
        """How long the earlier one waits at the meeting; positive: the ambulance waits, negative: the aircraft."""
        return self.wait_at("p50")

    def wait_at(self, quantile: Quantile) -> float:
        return total_s(self.air_arm, quantile) - total_s(self.ground_arm, quantile) if self.air_arm else 0.0

    @property
    def decides(self) -> str:
        """What would have to shrink for an earlier door: "second_ambulance", "securing", "approval", "flight", "drive"
        or "on_scene"."""
        return self.decides_at("p50")

    def decides_at(self, quantile: Quantile) -> str:
        before, after = _waits(self.air_arm, quantile), _waits(self.after, quantile)
        if _SECOND in before | after:
            return "second_ambulance"
        if "site_wait" in after:
            return "securing"
        if self.wait_at(quantile) > 0:
            return _longest_wait(before | after)
        return "drive" if any(term.name == "drive" for term in self.ground_arm) else "on_scene"

    @property
    def longest_term(self) -> Term:
        """The longest single term on the way to the door: where a minute gained is looked for first."""
        return max(self.terms, key=lambda term: term.seconds)

    @property
    def terms(self) -> tuple[Term, ...]:
        """The longest chain from the decision to the door; adds up to `door_s`."""
        return (self.air_arm if self.wait_s > 0 else self.ground_arm) + self.after

    @property
    def assumed(self) -> tuple[Term, ...]:
        """The terms of all arms in which a number has no source, each name once."""
        named = {term.name: term for term in (*self.ground_arm, *self.air_arm, *self.after) if term.assumed}
        return tuple(named.values())

    def as_facts(self) -> dict[str, Any]:
        """Plain JSON; seconds to 0.1."""
        return {
            "mode": self.mode,
            "option": self.option,
            "hospital": self.hospital,
            "site": self.site.id if self.site else None,
            "aircraft": self.aircraft.id if self.aircraft else None,
            "pad": self.pad.id if self.pad else None,
            "door_s": round(self.door_s, 1),
            "door_low_s": round(self.door_at("p10"), 1),
            "door_high_s": round(self.door_at("p90"), 1),
            "meet_s": round(self.meet_s, 1) if self.air_arm else None,
            "wait_s": round(self.wait_s, 1),
            "decides": self.decides,
            "decides_low": self.decides_at("p10"),
            "decides_high": self.decides_at("p90"),
            "longest_term": self.longest_term.name,
            "ground_arm": [term.as_facts() for term in self.ground_arm],
            "air_arm": [term.as_facts() for term in self.air_arm],
            "after": [term.as_facts() for term in self.after],
            "assumed": [term.name for term in self.assumed],
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
    incident_s_ago: float | None = None

    @property
    def best(self) -> Plan | None:
        return self.plans[0] if self.plans else None

    @property
    def runner_up(self) -> Plan | None:
        return self.plans[1] if len(self.plans) > 1 else None

    def best_of(self, mode: Mode) -> Plan | None:
        return next((plan for plan in self.plans if plan.mode == mode), None)

    def best_two(self, option: Option) -> tuple[Plan, ...]:
        """The best plan of an option and its runner-up; fewer where there are fewer."""
        return tuple(plan for plan in self.plans if plan.option == option)[:2]

    @property
    def saved_s(self) -> float | None:
        """What the best plan saves against going by road; None when there is no road or no plan."""
        ground = self.best_of("ground")
        return None if ground is None or self.best is None else ground.door_s - self.best.door_s

    def clocks(self, plan: Plan, quantile: Quantile = "p50") -> Clocks:
        """The four clocks of one of the plans, all read at the same quantile."""
        door_s, ground, ago_s = plan.door_at(quantile), self.best_of("ground"), self.incident_s_ago
        return Clocks(
            incident_to_door_s=None if ago_s is None else ago_s + door_s,
            decision_to_door_s=door_s,
            handover_to_door_s=total_s(plan.after, quantile) if plan.after else None,
            ground_s=None if ground is None else ground.door_at(quantile),
        )


def rank(plan: Plan) -> tuple[float, int, str, str, bool, str, bool, str]:
    """Earliest door first; ties by mode, site, aircraft and so on, so that the order is fixed."""
    return (
        plan.door_s,
        MODES.index(plan.mode),
        plan.site.id if plan.site else "",
        plan.aircraft.id if plan.aircraft else "",
        plan.hoist,
        plan.pad.id if plan.pad else "",
        plan.carry_on is not None,
        plan.hospital,
    )
