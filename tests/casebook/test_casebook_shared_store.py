"""What hubs of one store share beside the book: answers, badges, and who leads."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from casebook_tales import START
from log_keepers import on_server
from log_keepers import opened as opened
from log_keepers import postgres_store as postgres_store

from casebook.access import Badge, Gate, Role
from casebook.answers import KEPT, Answers, what_of
from casebook.clock import JumpClock
from casebook.errors import NotAllowed, RefusedInput
from casebook.store.peers import Peer, Peers
from casebook.store.postgres_log import PostgresLog
from casebook.store.shared_answers import SharedAnswers
from casebook.store.shared_gate import SharedGate
from casebook.store.shared_tables import make_shared_tables

WHAT = what_of("state_beds", "sister", b"{}")
WARD = Badge(Role.ED, "songjiang", hospital="songjiang")
RUN_OUT = "UPDATE lead SET until = now() - interval '1 second'"


@pytest.fixture
def logs(postgres_store: str, opened: Callable[..., Any]) -> list[PostgresLog]:
    both = [opened(postgres_store, shared=True) for _ in range(2)]
    for log in both:
        make_shared_tables(log)
    return both


# --- answers


async def test_a_command_repeated_at_another_hub_has_the_same_answer(logs: list[PostgresLog]):
    clock = JumpClock(START)
    one, other = (Answers(clock, shelf=SharedAnswers(log)) for log in logs)
    done: list[int] = []

    async def work() -> dict[str, int]:
        done.append(len(done))
        return {"n": len(done)}

    assert await one.once("k", WHAT, work) == ({"n": 1}, False)
    assert await other.once("k", WHAT, work) == ({"n": 1}, True)
    with pytest.raises(RefusedInput) as caught:
        await other.once("k", what_of("state_beds", "somebody else", b"{}"), work)
    assert caught.value.key == "key_used_otherwise" and done == [0]


async def test_of_two_hubs_asked_at_once_the_first_answer_is_the_one_that_is_repeated(logs: list[PostgresLog]):
    shelves = [SharedAnswers(log) for log in logs]
    for number, shelf in enumerate(shelves):
        shelf.keep("k", WHAT, f'"{number}"', START.isoformat(), START.isoformat())
    assert [shelf.find("k") for shelf in shelves] == [(WHAT, '"0"')] * 2
    assert shelves[0].find("a\0b") is None


async def test_answers_are_forgotten_after_their_time(logs: list[PostgresLog]):
    async def work() -> int:
        return 1

    for key, at in (("old", START), ("new", START + KEPT + timedelta(hours=1))):
        await Answers(JumpClock(at), shelf=SharedAnswers(logs[0])).once(key, WHAT, work)
    shelf = SharedAnswers(logs[1])
    assert shelf.find("old") is None and shelf.find("new") is not None


# --- badges


def test_a_link_of_one_hub_opens_all_and_revoked_at_one_opens_none(logs: list[PostgresLog]):
    one, other = (SharedGate(log) for log in logs)
    token = one.issue(WARD)
    with pytest.raises(NotAllowed):
        other.admit(token)
    other.refresh()
    assert other.admit(token) == WARD
    other.revoke(token)
    one.refresh()
    with pytest.raises(NotAllowed):
        one.admit(token)


def test_two_hubs_that_issue_at_the_same_time_keep_each_others_links(logs: list[PostgresLog]):
    one, other = (SharedGate(log) for log in logs)
    first = one.issue_all({"a": WARD})["a"]
    second = other.issue(Badge(Role.DISPATCHER, "d"))
    for gate in (one, other):
        gate.refresh()
        assert gate.admit(first) == WARD and gate.admit(second).role is Role.DISPATCHER


def test_links_of_a_hub_that_was_alone_stay_good_and_are_taken_over_once(logs: list[PostgresLog], tmp_path: Path):
    file = tmp_path / "badges.json"
    token = Gate(file).issue(WARD)
    gate = SharedGate(logs[0], file)
    assert gate.admit(token) == WARD and not file.exists()
    gate.revoke(token)
    with pytest.raises(NotAllowed):
        SharedGate(logs[0], file).admit(token)


# --- who leads


def test_one_hub_leads_and_every_hub_knows_all_that_are_there(logs: list[PostgresLog]):
    one, other = Peers(logs[0], "one"), Peers(logs[1], "other")
    one.url, other.url = "https://a:8300", "https://b:8300"
    assert not one.leads, "nobody leads who has not asked"
    for _ in range(2):
        one.beat()
        other.beat()
    assert (one.leads, other.leads) == (True, False)
    assert one.there == other.there == (Peer("one", "https://a:8300"), Peer("other", "https://b:8300"))
    assert other.addresses == ("https://b:8300", "https://a:8300"), "its own first"


def test_a_hub_that_leaves_is_followed_at_once(logs: list[PostgresLog]):
    one, other = Peers(logs[0], "one"), Peers(logs[1], "other")
    one.beat()
    other.beat()
    one.leave()
    other.beat()
    assert (one.leads, other.leads) == (False, True) and [peer.name for peer in other.there] == ["other"]


def test_a_leader_that_falls_silent_is_followed_when_its_lease_has_run_out(
    logs: list[PostgresLog], postgres_store: str
):
    one, other = Peers(logs[0], "one"), Peers(logs[1], "other")
    one.beat()
    on_server(postgres_store, RUN_OUT)
    other.beat()
    one.beat()
    assert (one.leads, other.leads) == (False, True), "who comes back late is told that it does not lead any more"


def test_a_hub_that_starts_again_goes_on_leading(logs: list[PostgresLog]):
    Peers(logs[0], "one").beat()
    again = Peers(logs[1], "one")
    again.beat()
    assert again.leads
