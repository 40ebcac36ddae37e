"""Of several hubs only one gets the last bay: on a SQLite file and on PostgreSQL, in one process and in several."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casebook.errors import FeedLost, RefusedInput
from casebook.holds import Held, HoldStore, Lease, Lost, Page, Wanted, open_holds
from casebook.holds.granting import Leases, find, grant, in_force, release, renew

NOON = datetime(2021, 4, 18, 4, 0, tzinfo=UTC)
BAY, BED = Page("songjiang", "resus_bay"), Page("songjiang", "ed_bed")
LEASE_S = 600.0


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def wanted(case: str, limit: int | None = 1, page: Page = BAY, slot: int | None = None) -> Wanted:
    return Wanted(page, case, LEASE_S, limit, slot)


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'holds' / 'holds.sqlite'}"
    return request.getfixturevalue("postgres_url")


@pytest.fixture
async def store(url: str) -> AsyncIterator[HoldStore]:
    opened = await open_holds(url)
    yield opened
    for page, leases in (await opened.list_held(at(-1e9))).items():  # one server serves all tests
        for lease in leases:
            await opened.release(page, lease.case)
    await opened.close()


# --- what a hold is


async def test_two_cases_never_hold_the_same_bay(store: HoldStore):
    won = await store.acquire(wanted("A"), NOON)
    assert isinstance(won, Held) and (won.slot, won.until) == (1, at(LEASE_S))
    lost = await store.acquire(wanted("B"), at(10))
    assert isinstance(lost, Lost)
    assert (lost.holders, lost.next_at) == (("A",), at(LEASE_S)), "the loser is told who has it and until when"
    assert isinstance(await store.acquire(wanted("B", limit=2), at(10)), Held)
    assert isinstance(await store.acquire(wanted("C", limit=None, page=BED), at(10)), Held)


async def test_asking_twice_is_asking_once(store: HoldStore):
    first = await store.acquire(wanted("A"), NOON)
    again = await store.acquire(wanted("A", limit=0), NOON)
    assert again == first, "who holds is not asked for room"
    later = await store.acquire(wanted("A"), at(100))
    assert isinstance(later, Held) and (later.slot, later.until) == (1, at(100 + LEASE_S))
    await store.release(BAY, "A")
    await store.release(BAY, "A")
    assert BAY not in await store.list_held(NOON)


async def test_a_lease_is_renewed_on_the_way_and_given_back_at_the_handover(store: HoldStore):
    await store.acquire(wanted("A"), NOON)
    longer = await store.renew(BAY, "A", 1800, at(500))
    assert isinstance(longer, Held) and longer.until == at(2300)
    shorter = await store.renew(BAY, "A", 10, at(510))
    assert isinstance(shorter, Held) and shorter.until == at(2300), "a renewal never takes time away"
    assert isinstance(await store.acquire(wanted("B"), at(2299)), Lost)
    await store.release(BAY, "A")
    assert isinstance(await store.acquire(wanted("B"), at(2299)), Held)


async def test_a_lease_that_ran_out_lets_the_next_one_in_and_the_late_one_is_told(store: HoldStore):
    await store.acquire(wanted("A"), NOON)
    assert isinstance(await store.acquire(wanted("B"), at(LEASE_S)), Held)
    late = await store.renew(BAY, "A", 600, at(LEASE_S + 1))
    assert isinstance(late, Lost) and late.holders == ("B",)
    assert isinstance(await store.renew(BED, "A", 600, NOON), Lost), "never held"


async def test_a_lease_that_ran_out_unnoticed_can_be_taken_up_again(store: HoldStore):
    await store.acquire(wanted("A"), NOON)
    again = await store.renew(BAY, "A", 600, at(LEASE_S + 60))
    assert isinstance(again, Held) and again.slot == 1


async def test_a_named_slot_is_given_or_nothing(store: HoldStore):
    await store.acquire(wanted("A", limit=3, slot=2), NOON)
    assert isinstance(await store.acquire(wanted("B", limit=3, slot=2), NOON), Lost)
    other = await store.acquire(wanted("B", limit=3), NOON)
    moved = await store.acquire(wanted("B", limit=3, slot=3), NOON)
    assert isinstance(other, Held) and isinstance(moved, Held) and (other.slot, moved.slot) == (1, 3)
    assert [lease.slot for lease in sorted((await store.list_held(NOON))[BAY], key=lambda one: one.slot)] == [2, 3]


async def test_what_ran_out_is_struck_once_and_said(store: HoldStore):
    await store.acquire_all([wanted("A", limit=2), wanted("B", limit=2), wanted("C", page=BED)], NOON)
    await store.renew(BAY, "B", 3600, NOON)
    assert [lease.case for lease in await store.expire(at(LEASE_S))] == ["A", "C"]
    assert await store.expire(at(LEASE_S)) == []
    assert [lease.case for lease in (await store.list_held(at(LEASE_S)))[BAY]] == ["B"]


async def test_many_at_once_are_answered_in_their_order(store: HoldStore):
    answers = await store.acquire_all([wanted(f"c{n}", limit=2, page=BAY if n % 2 else BED) for n in range(8)], NOON)
    assert [answer.case for answer in answers] == [f"c{n}" for n in range(8)]
    assert [isinstance(answer, Held) for answer in answers] == [True] * 4 + [False] * 4


async def test_fifty_tasks_that_want_three_bays_get_three(store: HoldStore):
    answers = await asyncio.gather(*(store.acquire(wanted(f"c{n}", limit=3), NOON) for n in range(50)))
    won = [answer for answer in answers if isinstance(answer, Held)]
    assert sorted(answer.slot for answer in won) == [1, 2, 3]
    assert {answer.case for answer in won} == {lease.case for lease in (await store.list_held(NOON))[BAY]}


async def test_what_is_asked_while_the_store_is_busy_goes_to_it_together(tmp_path: Path):
    store = await open_holds(f"sqlite:///{tmp_path / 'holds.sqlite'}")
    swaps: list[int] = []
    shelf, swap = store._shelf, store._shelf.swap

    async def counted(changes):
        swaps.append(len(changes))
        return await swap(changes)

    shelf.swap = counted  # type: ignore[method-assign]
    pages = [Page(f"h{n}", "resus_bay") for n in range(20)]
    answers = await asyncio.gather(
        *(store.acquire(wanted(f"{n}", page=page), NOON) for page in pages for n in range(9))
    )
    assert sum(isinstance(answer, Held) for answer in answers) == len(pages)
    assert sum(swaps) == len(pages) and len(swaps) <= 2
    late = await asyncio.gather(*(store.acquire(wanted("late", page=pages[0]), at(n)) for n in (0, LEASE_S)))
    assert [isinstance(answer, Held) for answer in late] == [False, True], "each at its own instant"
    await store.close()


async def test_every_asker_of_a_store_that_falls_silent_is_told(tmp_path: Path):
    store = await open_holds(f"sqlite:///{tmp_path / 'holds.sqlite'}")
    await store.close()
    told = await asyncio.gather(*(store.acquire(wanted(f"{n}"), NOON) for n in range(5)), return_exceptions=True)
    assert all(isinstance(one, FeedLost) for one in told)


# --- several processes

HUB = """
import asyncio, json, sys
from datetime import datetime, timedelta
from casebook.holds import Held, Page, Wanted, open_holds

async def main(url, me, rounds, each):
    store = await open_holds(url)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    noon, told = datetime.fromisoformat("2021-04-18T04:00:00+00:00"), []
    for number in range(rounds):
        page = Page(f"round-{number}", "resus_bay")
        asked = [store.acquire(Wanted(page, f"{me}/{n}", 600.0, 1), noon) for n in range(each)]
        batch = store.acquire_all([Wanted(page, f"{me}/batch-{n}", 600.0, 1) for n in range(each)], noon)
        *singles, many = await asyncio.gather(*asked, batch)
        for answer in (*singles, *many):
            held = isinstance(answer, Held)
            told.append([number, answer.case, held, answer.case if held else answer.holders[0]])
    await store.close()
    print(json.dumps(told), flush=True)

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
"""
ROUNDS, EACH, HUBS = 30, 5, 3


def hub(url: str, name: str, code: str = HUB) -> subprocess.Popen[str]:
    repo = str(Path(__file__).resolve().parents[2])
    return subprocess.Popen(
        [sys.executable, "-c", code, url, name, str(ROUNDS), str(EACH)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True, cwd=repo, env=os.environ,
    )  # fmt: skip


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin
    process.stdin.write("go\n")
    process.stdin.flush()


def test_hubs_that_race_for_the_last_bay_get_it_once_and_every_loser_is_told_the_same_winner(url: str):
    hubs = [hub(url, name) for name in ("north", "south", "east")[:HUBS]]
    for one in hubs:
        assert one.stdout and one.stdout.readline() == "ready\n"
    for one in hubs:
        go(one)
    told = [row for one in hubs for row in json.loads(one.communicate(timeout=120)[0])]
    assert [one.returncode for one in hubs] == [0] * HUBS
    assert len(told) == ROUNDS * EACH * 2 * HUBS
    for number in range(ROUNDS):
        rows = [row for row in told if row[0] == number]
        winners = {case for _, case, held, _ in rows if held}
        assert len(winners) == 1, number
        assert {holder for *_, holder in rows} == winners


DYING = """
import asyncio, os, sys
from datetime import datetime
from casebook.holds import Page, Wanted, open_holds

async def main():
    store = await open_holds(sys.argv[1])
    at = datetime.fromisoformat("2021-04-18T04:00:00+00:00")
    await store.acquire(Wanted(Page("songjiang", "resus_bay"), "dead", 600.0, 1), at)
    os._exit(9)

asyncio.run(main())
"""


async def test_a_hub_that_dies_keeps_its_bay_for_the_lease_and_no_longer(url: str, store: HoldStore):
    dead = hub(url, "dead", DYING)
    dead.communicate(timeout=60)
    assert dead.returncode == 9
    lost = await store.acquire(wanted("B"), at(599))
    assert isinstance(lost, Lost) and lost.holders == ("dead",)
    assert isinstance(await store.acquire(wanted("B"), at(600)), Held)


# --- the decision by itself

cases = st.sampled_from("ABCD")
moves = st.lists(
    st.one_of(
        st.tuples(st.just("grant"), cases, st.none() | st.integers(0, 3), st.none() | st.integers(1, 3)),
        st.tuples(st.just("renew"), cases, st.none(), st.none()),
        st.tuples(st.just("release"), cases, st.none(), st.none()),
        st.tuples(st.just("wait"), st.just(""), st.none(), st.none()),
    ),
    max_size=40,
)


@given(moves)
def test_whatever_is_asked_no_slot_has_two_holders_no_case_two_slots_and_no_newcomer_is_over_the_limit(asked):
    leases: Leases = ()
    now = NOON
    for what, case, limit, slot in asked:
        before = in_force(leases, now)
        if what == "grant":
            leases, won = grant(leases, wanted(case, limit, slot=slot), now)
            if won is None:
                assert in_force(leases, now) == before, "who loses changes nothing"
            elif find(before, case) is None and limit is not None:
                assert len(in_force(leases, now)) <= max(limit, len(before) + 1) and len(before) < limit
        elif what == "renew":
            leases, _ = renew(leases, case, LEASE_S, now)
        elif what == "release":
            leases = release(leases, case)
        else:
            now += timedelta(seconds=400)
        alive = in_force(leases, now)
        assert len({lease.slot for lease in alive}) == len({lease.case for lease in alive}) == len(alive)


def test_who_comes_too_late_with_a_renewal_takes_nothing_from_anybody():
    theirs = (Lease(1, "B", at(1000)), Lease(1, "A", at(10)))
    assert renew(theirs, "A", 600, at(20)) == (theirs, None)


# --- what cannot be


async def test_a_store_that_nobody_knows_or_that_is_silent_is_refused_in_words(tmp_path: Path):
    for url in ("mysql://x/y", "sqlite://", "nonsense"):
        with pytest.raises(RefusedInput) as caught:
            await open_holds(url)
        assert caught.value.key == "hold_store_unknown" and "?" not in caught.value.said("zh")
    with pytest.raises(FeedLost) as silent:
        await open_holds(f"postgresql://u:secret@/db?host={tmp_path}")
    assert "secret" not in silent.value.said("en") + silent.value.said("zh")
    (tmp_path / "poem.sqlite").write_text("roses are red " * 100, encoding="utf-8")
    with pytest.raises(FeedLost) as spoiled:
        await open_holds(f"sqlite:///{tmp_path / 'poem.sqlite'}")
    assert "poem.sqlite" in spoiled.value.said("en")


async def test_a_server_that_forgets_in_a_power_cut_is_refused(postgres_url: str):
    with pytest.raises(RefusedInput) as caught:
        await open_holds(f"{postgres_url}&synchronous_commit=off")
    assert caught.value.key == "hold_store_forgets"


async def test_a_file_in_use_is_waited_for_and_what_was_acknowledged_is_on_the_disk(tmp_path: Path):
    one, other = [await open_holds(f"sqlite:///{tmp_path / 'holds.sqlite'}") for _ in range(2)]
    answers = await asyncio.gather(*(store.acquire(wanted(f"{n}"), NOON) for n, store in enumerate([one, other] * 10)))
    assert sum(isinstance(answer, Held) for answer in answers) == 1
    database = one._shelf._db  # type: ignore[attr-defined]
    assert database.execute("PRAGMA synchronous").fetchone()[0] == 2  # FULL
    assert database.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    await one.close()
    await other.close()
