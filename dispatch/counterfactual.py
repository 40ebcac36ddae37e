"""Find the smallest single change that would make a losing way win. Pure.

The kinds of change are tried in the order of the rules; the first that suffices is told. Each one is tried, not
guessed: the way has to come first in the changed world. Only the changed hospital is judged again, which is exact
because no judgement looks at another hospital, unless a rule depends on who meets it: then everything is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

from casebook.events import Reason
from dispatch.changes import MINUTE_S, applied, changed_hospital, less_s, shortened
from dispatch.judging import WITHIN, Judged, Way
from dispatch.ranking import Ranking, World, rank, ranked
from dispatch.tenths import tenth

OUTSIDE = {"road_reopened", "scene_clear", "daylight", "weather", "aircraft_freed"}  # kinds that World.what_ifs brings

# What each kind of change of one hospital or way can lift; "": nothing bars the way, it only loses.
HELPS = {
    "bay_freed": ("", "capacity"), "figure_reported": ("",), "reopened": ("closed",), "capability": ("capability",),
    "eta_shorter": ("",),
}  # fmt: skip
LIFTED = {bar for bars in HELPS.values() for bar in bars if bar}
BY_PLACES = {"figure_reported", "bay_freed", "reopened"}  # kinds that shorten nothing but the waits at the hospital
ROUNDED_S = 0.3  # more than the rounding of three times to 0.1 s
_Key = tuple[str, str, str | None]


def changes_for(world: World, ranking: Ranking, losers: Sequence[Judged]) -> list[Reason | None]:
    """For each loser the change that would make it win; None where no single one of the known kinds would."""
    search = _Search(world, ranking)
    return [None if one.barred and search.is_hopeless(one) else search.smallest(one) for one in losers]


def _key(way: Way) -> _Key:
    """Which way is meant, whatever its time."""
    return way.hospital, way.mode, way.rendezvous


def _bar(loser: Judged) -> str | None:
    """What a change would have to lift: "" where nothing bars this way; None where it is more than one thing."""
    if len(loser.barred) > 1:
        return None
    return loser.barred[0].code if loser.barred else ""


class _Search:
    def __init__(self, world: World, ranking: Ranking) -> None:
        self._world, self._ranking, self._room = world, ranking, ranking.room
        self._judged = ranking.all
        self._known = {id(one.way): one for one in self._judged} if world.what_ifs else {}
        self._by_hospital = defaultdict[str, list[Judged]](list)
        for one in self._judged:
            self._by_hospital[one.way.hospital].append(one)
        self._alone = not ranking.rows.within and any(one.tier == WITHIN for one in ranking.viable)
        self._plain = self._alone and world.case.wish is None  # the least order wins, and no other hospital's changes
        self._outside: dict[str, list[tuple[Reason, _Key | None]]] = {}
        for change, ways in world.what_ifs:
            kind = change.code.removeprefix("change.")
            self._outside.setdefault(kind, []).append((change, self._winner_if(change, ways)))
        self._bests = self._two_bests()
        self._kinds = [kind for kind in world.policy.changes.order if kind not in OUTSIDE or kind in self._outside]
        self._helping: dict[tuple[str | None, bool], list[str]] = {}
        self._changed: dict[tuple[Any, ...], list[Judged]] = {}
        self._first_if: dict[tuple[Any, ...], tuple[tuple[Any, ...], Way] | None] = {}

    def _winner_if(self, change: Reason, ways: Sequence[Way]) -> _Key | None:
        """Who would win. Ways that stay as they are (the same objects) are not judged again."""
        if not self._plain:
            viable = rank(applied(self._world, change)).viable
            return _key(viable[0].way) if viable else None
        judged = [self._known.get(id(way)) or self._room.judge(way) for way in ways]
        free = [one for one in judged if not one.barred]
        if not any(one.tier == WITHIN for one in free):
            free = ranked(self._ranking.rows, self._room, judged).viable
        first = min(free, key=lambda one: one.order, default=None)
        return None if first is None else _key(first.way)

    def _two_bests(self) -> list[Judged]:
        """The first of the order and the first of another hospital: what a changed hospital has to beat."""
        free = sorted(self._ranking.viable, key=attrgetter("order"))
        second = next((one for one in free if one.way.hospital != free[0].way.hospital), None)
        return free[:1] if second is None else [free[0], second]

    def smallest(self, loser: Judged) -> Reason | None:
        for kind in self._kinds_for(_bar(loser), self._room.seen(loser.way.hospital).free is None):
            if kind in OUTSIDE:
                key = _key(loser.way)
                found = next((change for change, winner in self._outside[kind] if winner == key), None)
            elif kind == "eta_shorter":
                found = self._shorter(loser)
            else:
                found = self._of_hospital(kind, loser)
                if found is not None and not self._wins(found, loser):
                    found = None
            if found is not None:
                return found
        return None

    # --- what could help at all

    def is_hopeless(self, loser: Judged) -> bool:
        """Seen at once of a barred way: nothing outside the hospitals would be otherwise, and more than one thing bars
        it, or something that no change of its hospital lifts."""
        if self._outside:
            return False
        first, *more = loser.barred
        if more or first.code not in LIFTED:
            return True
        return first.code == "capability" and len(first.facts["missing"]) > 1

    def _kinds_for(self, bar: str | None, silent: bool) -> Sequence[str]:
        """The kinds that may help where this bars a way, in the order of the rules. `silent`: nobody knows the count
        of its hospital; of such a count, and of one that is known, only one makes sense each."""
        found = self._helping.get((bar, silent))
        if found is None:
            other = "bay_freed" if silent else "figure_reported"
            able = [kind for kind in self._kinds if kind in OUTSIDE or (bar in HELPS.get(kind, ()) and kind != other)]
            found = self._helping[bar, silent] = able
        return found

    def _too_late(self, loser: Judged) -> bool:
        """Whether this way would lose even with no wait at its hospital and everything known of it."""
        rival, care = self._rival(loser.way.hospital), loser.care
        if rival is None or care is None or not self._plain:
            return False
        waits_s = care.causes_s.get("offload", 0.0) + care.causes_s.get("wait_for_bay", 0.0)
        least_s = loser.weighed_s - waits_s - ROUNDED_S
        unsettled = bool(loser.way.unsettled)
        return (loser.tier, unsettled, loser.level, least_s) > (rival.tier, rival.unknown, rival.level, rival.weighed_s)

    def _of_hospital(self, kind: str, loser: Judged) -> Reason | None:
        """The one change of this kind that might make it win."""
        hospital = loser.way.hospital
        if kind in BY_PLACES and self._too_late(loser):
            return None
        facts: dict[str, Any] = {"hospital": hospital, "resource": self._room.resource}
        if kind == "bay_freed":
            return Reason("change.bay_freed", facts)
        if kind == "figure_reported" and loser.unknown:
            held = self._room.held.get((hospital, self._room.resource), 0)
            return Reason("change.figure_reported", facts | {"free": held + 1})
        if kind == "reopened":
            return Reason("change.reopened", facts | {"resource": loser.barred[0].facts["resource"]})
        if kind == "capability" and len(loser.barred[0].facts["missing"]) == 1:
            (word,) = loser.barred[0].facts["missing"]
            return Reason("change.capability", {"hospital": hospital, "capability": word})
        return None

    def _shorter(self, loser: Judged) -> Reason | None:
        """The least whole minutes: found by halving, for a shorter way never ranks worse."""
        most, wins = int((loser.way.eta_s or 0) // MINUTE_S), self._trial(loser)
        if most < 1 or wins is None:
            return None
        # Where it may win less than a whole minute sooner: whoever comes earlier finds a bay a little likelier.
        guess = int((loser.weighed_s - self._bests[0].weighed_s) // MINUTE_S) if self._bests else most
        guess = min(most, max(1, guess))
        if wins(guess):  # `low` minutes are too few, `high` are enough
            low, high, guess = 0, guess, guess - 1
        elif guess < most and wins(guess + 1):
            low, high = guess, guess + 1
        elif not wins(most):
            return None
        else:
            low, high, guess = guess + 1, most, guess + 2
        while high - low > 1:
            middle = guess if low < guess < high else (low + high) // 2
            if wins(middle):
                high, guess = middle, middle - 1
            else:
                low, guess = middle, middle + 1
        return self._less(loser.way, high)

    @staticmethod
    def _less(way: Way, minutes: int) -> Reason:
        facts: dict[str, Any] = {"hospital": way.hospital, "mode": way.mode, "minutes": minutes}
        return Reason("change.eta_shorter", facts | ({"rendezvous": way.rendezvous} if way.rendezvous else {}))

    # --- whether it does

    def _trial(self, loser: Judged) -> Callable[[int], bool] | None:
        """Tells whether it wins if its way is so many minutes shorter; None where no minute weighs as much."""
        if not self._plain:
            return lambda minutes: self._wins(self._less(loser.way, minutes), loser)
        hospital, rival = loser.way.hospital, self._rival(loser.way.hospital)
        if rival is not None and (WITHIN, loser.unknown, loser.level) > (rival.tier, rival.unknown, rival.level):
            return None
        mode, meeting = loser.way.mode, loser.way.rendezvous
        mine, others = list[Judged](), [] if rival is None else [rival.order]
        for one in self._by_hospital[hospital]:
            if not one.barred:
                if one.way.mode == mode and one.way.rendezvous == meeting:
                    mine.append(one)
                else:
                    others.append(one.order)
        first = min(others, default=None)
        if first is None:
            return lambda minutes: True
        if len(mine) == 1 and loser.tier == WITHIN and (WITHIN, loser.unknown, loser.level) == first[1:4]:
            return self._comes_before(first, loser)
        return lambda minutes: min(self._order_less(one, minutes) for one in mine) < first

    def _comes_before(self, first: tuple[Any, ...], one: Judged) -> Callable[[int], bool]:
        """Whether a way within the limit, as `first` is in all but its minutes, comes before it so much shorter."""
        room, most_s, now_s, weighed_at = self._room, first[4], one.way.eta_s or 0.0, self._room.weigher(one.way)

        def wins(minutes: int) -> bool:
            eta_s = tenth(max(0.0, now_s - minutes * MINUTE_S))
            weighed_s = weighed_at(eta_s)
            return weighed_s < most_s or (weighed_s == most_s and room.order_at(one, eta_s, 0.0) < first)

        return wins

    def _order_less(self, one: Judged, minutes: int) -> tuple[Any, ...]:
        """The order of a way that is not barred if it were so many minutes shorter."""
        span_s, eta_s = minutes * MINUTE_S, one.way.eta_s
        if one.tier == WITHIN and eta_s is not None:  # nearer it stays within the limit
            return self._room.order_at(one, tenth(max(0.0, eta_s - span_s)), 0.0)
        return self._room.order_at(one, *less_s(one.way, span_s))

    def _wins(self, change: Reason, loser: Judged) -> bool:
        first = self._first_at(change, loser) if self._plain else self._first_after(change, loser)
        return first is not None and _key(first) == _key(loser.way)

    def _first_at(self, change: Reason, loser: Judged) -> Way | None:
        """The winner if a change of this hospital lets one of its ways win, else None; `_plain`: only orders count."""
        hospital = loser.way.hospital
        what = _name_of(change, hospital)
        if what not in self._first_if:  # asked for by every losing way of this hospital
            changed = changed_hospital(self._room.hospitals[hospital], change, self._world)
            orders = self._room.orders_at(changed, [one.way for one in self._by_hospital[hospital]])
            self._first_if[what] = min(orders, key=lambda one: one[0], default=None)
        first, rival = self._first_if[what], self._rival(hospital)
        return None if first is None or (rival is not None and rival.order < first[0]) else first[1]

    def _first_after(self, change: Reason, loser: Judged) -> Way | None:
        """The winner of the changed world, whatever it depends on."""
        if not self._alone:
            viable = rank(applied(self._world, change)).viable
        else:
            others = [one for one in self._judged if one.way.hospital != loser.way.hospital]
            viable = ranked(self._ranking.rows, self._room, [*others, *self._again(change, loser)]).viable
        return viable[0].way if viable else None

    def _rival(self, hospital: str) -> Judged | None:
        """The best way to any other hospital."""
        for one in self._bests:
            if one.way.hospital != hospital:
                return one
        return None

    def _again(self, change: Reason, loser: Judged) -> Sequence[Judged]:
        """The ways of the changed hospital, judged in the changed world; `_alone`: the others stay as they are."""
        id, room = loser.way.hospital, self._room
        if change.code == "change.eta_shorter":
            key = _key(loser.way)
            return [
                room.judge(shortened(one.way, change)) if _key(one.way) == key else one for one in self._by_hospital[id]
            ]
        what = _name_of(change, id)
        if what not in self._changed:  # asked for by every losing way of this hospital
            changed = room.with_hospital(changed_hospital(room.hospitals[id], change, self._world))
            self._changed[what] = [changed.judge(one.way) for one in self._by_hospital[id]]
        return self._changed[what]


def _name_of(change: Reason, hospital: str) -> tuple[Any, ...]:
    """Which change of a hospital it is: the same for all of its ways."""
    return hospital, change.code, change.facts.get("resource"), change.facts.get("capability")
