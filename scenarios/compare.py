"""Decide every step of a recorded log again, on the roads and rules of its region, and name what differs.

The chain is verified first: a log that does not hold together proves nothing. Proposals and assignments are decided
again by dispatch/redecide.py; here the choices are, with everything that was written along with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, zip_longest
from typing import Any

from casebook import events as e
from casebook.book import occasion_of
from casebook.errors import CoordinationError, RefusedInput
from casebook.events.upcasting import current
from casebook.log import Entry, verify
from casebook.picture import Picture, fold
from dispatch.area import Area
from dispatch.choosing import choose, option_for
from dispatch.desk import decision_on, legs_for
from dispatch.redecide import Difference, differences, redecide
from dispatch.timing import ways_for
from routing.roads import Roadmap
from scenarios.area import area_of
from scenarios.region import Region, find_region, load_region

CHOSEN = e.DestinationChosen.name
REDECIDED = frozenset({"destination_proposed", "no_destination", "unit_assigned", "distribution_proposed", CHOSEN})


@dataclass(frozen=True, slots=True)
class Comparison:
    """`entries` read, `decisions` among them decided again, the `differences` in order (at most those asked for)."""

    entries: int
    head: str
    decisions: int
    differences: tuple[Difference, ...]


class NotRedecidable(CoordinationError):
    """The log holds together as a chain, yet entry `seq` cannot follow those before it; `why` says what it breaks."""

    key = "log_unfoldable"


def region_of(entries: Iterable[Entry], asked: str = "") -> Region:
    """The region that a log was played in: the one asked for, else the one that the drill's own first fact names.

    Raises RefusedInput `region_not_told` where neither says, `no_region` where it is not known here.
    """
    told = next((entry.body.get("region", "") for entry in entries if entry.kind == "drill_started"), "")
    name = asked or str(told)
    if not name:
        raise RefusedInput("region_not_told")
    file = find_region(name)
    if file is None:
        raise RefusedInput("no_region", name=name)
    return load_region(file)


def compare(entries: Sequence[Entry], region: Region, roadmap: Roadmap) -> Comparison:
    """Verify the chain, then decide everything again.

    Raises ChainBroken naming the entry that was altered, NotRedecidable where an entry contradicts the ones before.
    """
    count, head = verify(iter(entries))
    entries = list(map(current, entries))
    area = area_of(region, [entry.body["unit"] for entry in entries if entry.kind == "unit_enrolled"])
    try:
        found = [*redecide(entries, roadmap, area), *choices_again(entries, roadmap, area)]
    except CoordinationError as wrong:
        raise NotRedecidable(why=wrong.said("en")) from wrong
    places = {entry.seq: place for place, entry in enumerate(entries)}
    told = {(one.seq, one.field): one for one in reversed(found)}
    ordered = sorted(told.values(), key=lambda one: places[one.seq])  # within an entry: in the order of its fields
    return Comparison(count, head, sum(entry.kind in REDECIDED for entry in entries), tuple(ordered))


def choices_again(entries: Iterable[Entry], roadmap: Roadmap, area: Area) -> Iterator[Difference]:
    """Every choice of a destination made again, and all that was written with it: holds, legs, tasks, pre-alert.

    Which hospital and which way the person wanted is theirs and is taken from the log.
    """
    picture = Picture()
    for _, together in groupby(entries, key=lambda entry: (entry.asked, entry.at, entry.recorded_at, entry.by)):
        written = list(together)
        chosen = next((entry for entry in written if entry.kind == CHOSEN), None)
        if chosen is not None:
            yield from _differing(written, chosen, _chosen_again(picture, chosen, roadmap, area))
        for entry in written:
            picture = fold(picture, e.decode(entry.kind, entry.body), occasion_of(entry))


def _chosen_again(picture: Picture, entry: Entry, roadmap: Roadmap, area: Area) -> list[dict[str, Any]]:
    """What follows from the choice today, each as {kind, ...body}; a refusal as {error}."""
    fact = e.decode(entry.kind, entry.body)
    assert isinstance(fact, e.DestinationChosen)
    policy, casualty, reason = area.rules.destination, fact.casualty, fact.override_reason
    try:
        ways = ways_for(roadmap, area, picture, casualty, entry.at, policy)
        decision = decision_on(picture, casualty, ways, entry.at, policy, roadmap)
        option = option_for((fact.option.hospital, fact.option.mode), decision, reason)
        legs = legs_for(roadmap, area, picture, casualty, option, entry.at)
        facts = choose(
            picture, casualty, option, decision, legs, entry.at, policy, area.rules.tasks, reason, fact.plan or ""
        )
    except CoordinationError as wrong:
        return [{"error": wrong.key}]
    return [{"kind": one.name} | e.encode(one) for one in facts]


def _differing(written: Sequence[Entry], chosen: Entry, again: Sequence[dict[str, Any]]) -> Iterator[Difference]:
    for entry, decided in zip_longest(written, again):
        if entry is None:
            yield Difference(chosen.seq, chosen.kind, "kind", None, decided["kind"])
        else:
            yield from differences(entry, decided or {"kind": None})
