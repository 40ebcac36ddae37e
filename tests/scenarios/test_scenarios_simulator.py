"""Seeds keep every promise, a seed is the same to the letter every time, and what breaks a promise is noticed."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import partial
from random import Random
from typing import Any

import pytest
from simulator_mutants import MUTANTS

from aboard.cli import run
from aboard.serving import Sockets, server_of
from casebook import vehicle_door
from casebook.link import RowsCame
from casebook.vehicle_door import Taking
from scenarios.simulator.parts import Parts
from scenarios.simulator.running import simulate, simulate_many
from scenarios.simulator.virtual_loop import Process, VirtualLoop

SEEDS, BLOCK = 200, 25
HASH_OF_ONE = """
from aboard.serving import server_of
from scenarios.simulator.parts import Parts
from scenarios.simulator.running import simulate
print(simulate({seed}, Parts(server_of)).digest)
"""
WHOLE = Parts(server_of)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """What simulated machines log is nothing that this one has to say."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("first", range(0, SEEDS, BLOCK))
def test_whatever_goes_wrong_every_promise_is_kept(first: int) -> None:
    broken = [outcome for outcome in simulate_many(range(first, first + BLOCK), WHOLE) if outcome.violations]
    told = [f"seed {one.seed}: {wrong.rule}: {wrong.what}" for one in broken for wrong in one.violations]
    assert not told, "\n".join(told)


def test_a_seed_gives_the_same_history_in_another_process_and_after_other_seeds() -> None:
    here = simulate(3, WHOLE)
    assert simulate(4, WHOLE).digest != here.digest
    assert simulate(3, WHOLE) == here
    command = [sys.executable, "-c", HASH_OF_ONE.format(seed=3)]
    there = subprocess.run(
        command, env=os.environ | {"PYTHONHASHSEED": "77"}, capture_output=True, text=True, check=True
    )
    assert there.stdout.strip() == here.digest


def test_runs_have_something_to_break() -> None:
    """A simulator in which nothing happens would find nothing, too."""
    counts: dict[str, int] = {}
    for outcome in simulate_many(range(6), WHOLE):
        for what, count in outcome.counts.items():
            counts[what] = counts.get(what, 0) + count
    assert counts.keys() >= {"acknowledged", "answered", "committed", "died", "put", "sampled"}
    assert counts["died"] >= 3 and counts["acknowledged"] >= 100 and counts["answered"] >= 50


def test_messages_take_the_short_ways_and_the_long_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one run's rows some are heard the moment they come, and some wait; of what goes out as well."""
    ways: Counter[str] = Counter()

    class Counted(Sockets):
        def write_text(self, message: bytes) -> bool:
            ways["short out"] += (goes := super().write_text(message))
            return goes

        async def send(self, message: Any) -> None:
            ways["long out"] += not self.writable.is_set()
            await super().send(message)

    class CountedTaking(Taking):
        def hear(self, raw: bytes) -> bool:
            ways["short in"] += (taken := super().hear(raw))
            return taken

        def _act_on(self, message: Any) -> None:
            ways["long in"] += isinstance(message, RowsCame)
            super()._act_on(message)

    monkeypatch.setattr(vehicle_door, "Taking", CountedTaking)
    for _ in simulate_many(range(12), Parts(partial(server_of, sockets=Counted))):
        pass
    assert min(ways[way] for way in ("short in", "long in", "short out", "long out")) >= 10, ways


@pytest.mark.parametrize("seed", [6414, 7117, 102101, 102155])
def test_what_the_judge_once_took_for_a_broken_promise_is_none(seed: int) -> None:
    """A hub that stood still to the end, a vehicle that died as it went on, a bay that was won and written late."""
    assert not simulate(seed, WHOLE).violations


def test_a_process_ages_only_while_it_runs() -> None:
    loop = VirtualLoop(Random(1))
    process = Process(loop, "one", lambda: None)

    async def stopped_twice() -> float:
        await asyncio.sleep(1.0)
        process.stop(3.0)
        await asyncio.sleep(2.0)
        assert process.lived_s == 1.0
        process.stop(4.0)  # until 7, although the first stop ends at 4
        await asyncio.sleep(6.0)
        return process.lived_s

    assert loop.run_until_complete(stopped_twice()) == 3.0
    loop.close()


@pytest.mark.parametrize("what", MUTANTS)
def test_who_breaks_a_promise_is_found(what: str) -> None:
    parts, rules, within = MUTANTS[what]
    found = (violation.rule for outcome in simulate_many(range(within), parts) for violation in outcome.violations)
    assert next(found, None) in rules


def test_the_command_tells_a_seed_and_its_hash(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["simulate", "--seed", "15"]) == 0
    assert simulate(15, WHOLE).digest in capsys.readouterr().out


def test_the_command_fails_where_a_promise_is_broken(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from scenarios.simulator import running

    parts = MUTANTS["acknowledged before the commit"][0]
    broken = [simulate(0, parts)]
    monkeypatch.setattr(running, "simulate_many", lambda seeds, parts: iter(broken))
    assert run(["simulate", "--seeds", "1"]) == 1
    told = capsys.readouterr().out
    assert "acknowledgements" in told and broken[0].digest in told
