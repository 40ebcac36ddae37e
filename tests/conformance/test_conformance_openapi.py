"""What a running hub says of itself at /openapi.json is put to it by schemathesis: requests that fit, and that do not.

The same requests every time (a fixed seed). No answer is a 5xx, none is missing, the hub's log has no traceback, and a
refusal has its key and both languages. What no machine would think of is put by `aboard bench faults --only F18`.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable

from aboard.bench.faults.stage import WARD, hub

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis has no wheels for this machine")
FITTING, ILL_FITTING = schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE
EXAMPLES = {FITTING: 3, ILL_FITTING: 2}  # of each operation
SEED = 20261123
ANSWER_S = 60.0
KNOWN = {"hospital": WARD, "casualty": "crash-V0000", "unit": "V0000", "incident": "crash", "stream": "V0000"}
REFUSALS = {"error", "facts", "zh", "en"}

pytestmark = pytest.mark.sockets


class Asked:
    """What a hub answered, and what of it should not be."""

    def __init__(self, url: str, token: str) -> None:
        self.schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
        self.answers: Counter[int] = Counter()
        self.wrong: list[str] = []
        self._headers = {"Authorization": f"Bearer {token}"}

    def put_all(self) -> None:
        for found in self.schema.get_all_operations():
            operation = found.ok()
            for mode, many in EXAMPLES.items():
                self._put(operation, mode, many)

    def _put(self, operation: Any, mode: Any, many: int) -> None:
        @seed(SEED)
        @settings(
            max_examples=many, database=None, deadline=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.as_strategy(generation_mode=mode))
        def put(case: Any) -> None:
            if mode is FITTING:
                of_this_town(case)
            self._judge(operation.label, case, case.call(headers=self._headers, timeout=ANSWER_S))

        try:
            put()
        except Unsatisfiable:
            assert mode is ILL_FITTING, operation.label  # where nothing is asked for there is nothing to get wrong

    def _judge(self, label: str, case: Any, answer: Any) -> None:
        self.answers[answer.status_code] += 1
        if answer.status_code >= 500:
            self.wrong.append(
                f"{label}: {answer.status_code} to {case.body!r:.300} {case.path_parameters} {case.query}"
            )
        elif answer.status_code >= 400 and case.method != "HEAD" and set(answer.json()) < REFUSALS:  # HEAD has no body
            self.wrong.append(f"{label}: {answer.status_code} says no more than {answer.text:.300}")


def of_this_town(case: Any) -> None:
    """Names that the hub knows in place of made-up ones: a request that fits gets further than its first name."""
    for part in (case.body, case.path_parameters):
        if isinstance(part, dict):
            part.update({name: KNOWN[name] for name in part.keys() & KNOWN.keys()})


async def test_whatever_fits_the_description_or_does_not_is_answered_and_never_by_a_5xx(tmp_path: Path):
    async with hub(tmp_path / "hub", 3) as stage:
        asked = await asyncio.to_thread(Asked, stage.url, stage.token("director"))
        await asyncio.to_thread(asked.put_all)
        async with stage.client("dispatcher") as client:
            assert (await client.get("/api/v1/me")).status_code == 200, "it lives"
        await stage.end()
        assert asked.wrong == [] and stage.tracebacks() == 0
        assert len(stage.entries()) > 3, "some of it was done, and the chain holds"
    assert sum(asked.answers.values()) > 150 and asked.answers[200] > 10, asked.answers
