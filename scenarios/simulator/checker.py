"""Judge a history: what must hold whatever happened. Pure, and written before anything that it judges.

Each rule looks at what was told to vehicles and people and at the logs, and gives a sentence for each thing that is
wrong. The rules on beds and bays are `scarce`'s.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from casebook.log import ChainBroken, Entry, verify
from casebook.store.restoring import fold_all, hash_of
from scenarios.simulator.history import (
    CORRUPT,
    Acknowledged,
    Answered,
    Damaged,
    Died,
    Disordered,
    History,
    Put,
    Refused,
    Sampled,
    names_in,
)  # fmt: skip
from scenarios.simulator.scarce import beds, patients

UNTOLD_S = 2.0  # before a crash a sample may be lost untold for so long: 0.2 s of gathering, and a slow disk
NEVER = 1 << 60


@dataclass(frozen=True, slots=True)
class Violation:
    """`rule`: the name of a function below."""

    rule: str
    what: str


def check(history: History) -> list[Violation]:
    """Everything that does not hold, rule by rule; nothing when all holds."""
    rules: Sequence[Callable[[History], Iterable[str]]] = (
        chains, stored_facts, acknowledgements, answers, keys, beds, patients, order, screens, ledger, starts, rest,
    )  # fmt: skip
    return [Violation(rule.__name__, what) for rule in rules for what in rule(history)]


def chains(history: History) -> Iterator[str]:
    """Each log holds together, and folds to the picture that its hub has."""
    folded: dict[str, str] = {}
    for book, entries in history.logs.items():
        folded[book] = hash_of(fold_all(entries))
        try:
            verify(entries)
        except ChainBroken as broken:
            yield f"{book}: {broken.said('en')}"
    for hub, (book, picture) in history.pictures.items():
        if picture != folded[book]:
            yield f"{hub}: the picture in memory is not the one folded from the log"


def stored_facts(history: History) -> Iterator[str]:
    """What a vehicle was told is stored is in a book or still on its disk, and in the books once."""
    sure, perhaps = _stored(history)
    damaged = Counter(one.fact for one in history.told if isinstance(one, Damaged))
    booked = Counter(name for entries in history.logs.values() for name in names_in(entries))
    waiting = Counter(name for vehicle in history.vehicles for name in vehicle.waiting)
    lost: Counter[str] = Counter()
    for fact, count in sure.items():
        missing = count - booked[fact] - waiting[fact]
        lost[fact.split(" ", 1)[0]] += max(0, min(missing, damaged[fact]))
        if missing > damaged[fact]:
            yield f"missing: {fact}"
    for unit, count in lost.items():
        if count > (told := booked[f"{unit} {CORRUPT}"] + waiting[f"{unit} {CORRUPT}"]):
            yield f"missing: {count} damaged rows of {unit}, told of {told}"
    for fact, count in booked.items():
        if not fact.endswith(CORRUPT) and count > sure[fact] + perhaps[fact]:
            yield f"twice: {fact}" if sure[fact] + perhaps[fact] else f"out of nothing: {fact}"


def acknowledgements(history: History) -> Iterator[str]:
    """An acknowledged row was on the hub's disk when the vehicle was told so."""
    lanes = _lanes(history.logs)
    for one in history.told:
        if isinstance(one, Acknowledged) and one.through:
            last = lanes[one.book].get((one.unit, one.epoch), [])
            if one.through > len(last) or last[one.through - 1] > one.durable:
                yield f"{one.book} acknowledged {one.unit} {one.epoch} through {one.through} before it had it"


def answers(history: History) -> Iterator[str]:
    """What a person was told is done stands in the log under their key, and stood there when they were told."""
    for one in history.told:
        if isinstance(one, Answered):
            log = history.logs[one.book]
            for seq in one.entries:
                if seq > one.durable or seq > len(log) or log[seq - 1].asked != one.key:
                    yield f"{one.book} answered {one.key} with entry {seq}, which is not its own in the log"


def keys(history: History) -> Iterator[str]:
    """What was asked with one key is done once."""
    for book, entries in history.logs.items():
        batches: dict[str, list[Entry]] = defaultdict(list)
        for entry in entries:
            if entry.asked:
                batches[entry.asked].append(entry)
        for key, batch in batches.items():
            together = batch[-1].seq - batch[0].seq + 1 == len(batch)
            if not together or len({entry.recorded_at for entry in batch}) > 1:
                yield f"{book}: {key} was done twice"
    puts: dict[tuple[str, str], int] = defaultdict(int)
    for one in history.told:
        for key in set(one.keys) if isinstance(one, Put) and one.outcome == "stored" else ():
            puts[one.unit, key] += 1  # type: ignore[union-attr]
    yield from (f"{unit}: {key} was done twice" for (unit, key), count in puts.items() if count > 1)


def order(history: History) -> Iterator[str]:
    """On one connection nothing is lost and nothing overtakes anything, whichever way it goes: acknowledgements grow, a
    screen's next message follows on its last, no vehicle is refused, and both ends understand each other."""
    told: dict[tuple[int, str], int] = {}
    for one in history.told:
        if isinstance(one, Disordered):
            yield f"{one.who}: {one.what}"
        elif isinstance(one, Acknowledged):
            before = told.get((one.link, one.epoch), 0)
            if one.through < before:
                yield f"{one.book} acknowledged {one.unit} {one.epoch} through {before}, then through {one.through}"
            told[one.link, one.epoch] = one.through


def screens(history: History) -> Iterator[str]:
    """Every screen shows the view folded from the log, and has had every sample of the trend in it."""
    for screen in history.screens:
        for field in sorted(screen.seen.keys() | screen.wanted.keys()):
            if screen.seen.get(field) != screen.wanted.get(field):
                yield f"{screen.name}: {field} is {screen.seen.get(field)!r}, not {screen.wanted.get(field)!r}"
        if missed := screen.trend - screen.shown:
            yield f"{screen.name}: {len(missed)} samples were never shown, such as {min(missed)}"


def ledger(history: History) -> Iterator[str]:
    """Sampled is stored, waiting, or told as lost; untold only what a crash took in the moment before it."""
    yield from _untold(history)
    sure, perhaps = _stored(history)
    for vehicle in history.vehicles:
        mine = f"{vehicle.unit} "
        low = sum(count for fact, count in sure.items() if fact.startswith(mine))
        high = low + sum(count for fact, count in perhaps.items() if fact.startswith(mine))
        if not low <= vehicle.stored <= high:
            yield f"{vehicle.unit} counts {vehicle.stored} rows as stored, not {low} to {high}"
        if vehicle.stored != vehicle.acked + len(vehicle.waiting):
            yield f"{vehicle.unit}: {vehicle.stored} stored is not {vehicle.acked} + {len(vehicle.waiting)} waiting"
        mine += "vitals_recorded "
        low = sum(count for fact, count in sure.items() if fact.startswith(mine))
        high = low + sum(count for fact, count in perhaps.items() if fact.startswith(mine))
        if not low <= vehicle.samples <= high:
            yield f"{vehicle.unit} counts {vehicle.samples} samples as stored, not {low} to {high}"


def _untold(history: History) -> Iterator[str]:
    """Samples that neither the disk took nor anybody was told of, without a crash right behind them."""
    died = {(one.name, one.life): one.at_s for one in history.told if isinstance(one, Died)}
    given = Counter(
        (one.unit, one.life, fact)
        for one in history.told
        if isinstance(one, Put) and (one.outcome != "open" or (one.unit, one.life) in died)
        for fact in one.facts
    )
    for one in history.told:
        if isinstance(one, Sampled):
            if given[one.unit, one.life, one.fact]:
                given[one.unit, one.life, one.fact] -= 1
            elif died.get((one.unit, one.life), NEVER) - one.at_s > UNTOLD_S:
                yield f"sampled and never heard of again: {one.fact}"


def starts(history: History) -> Iterator[str]:
    """A hub starts on every log that was not altered, and names the entry in one that was."""
    for one in history.told:
        if isinstance(one, Refused) and one.named != one.altered:
            yield f"{one.hub}: entry {one.altered} was altered, {one.named} was named"


def rest(history: History) -> Iterator[str]:
    """Once everything is whole again all comes to rest, nothing went wrong unseen, and monitors were sampled."""
    if not history.quiet:
        yield "the vehicles' rows did not all arrive although everything was whole again"
    yield from history.surprises
    yield from history.silences


def _stored(history: History) -> tuple[Counter[str], Counter[str]]:
    """(facts that are stored for sure, facts of which nobody was told)"""
    sure: Counter[str] = Counter()
    perhaps: Counter[str] = Counter()
    for one in history.told:
        if isinstance(one, Put) and one.outcome != "refused":
            (sure if one.outcome == "stored" else perhaps).update(one.facts)
    return sure, perhaps


def _lanes(logs: Mapping[str, Sequence[Entry]]) -> dict[str, dict[tuple[str, str], list[int]]]:
    """Book -> lane -> for each n the entry with which its rows 1..n were all there."""
    found: dict[str, dict[tuple[str, str], dict[int, int]]] = {book: defaultdict(dict) for book in logs}
    for book, entries in logs.items():
        for entry in entries:
            if entry.source is not None:
                found[book][entry.source.unit, entry.source.epoch][entry.source.seq] = entry.seq
    return {book: {lane: _through(rows) for lane, rows in lanes.items()} for book, lanes in found.items()}


def _through(rows: Mapping[int, int]) -> list[int]:
    last, through = 0, []
    for seq in range(1, max(rows) + 1):
        last = max(last, rows.get(seq, NEVER))
        through.append(last)
    return through
