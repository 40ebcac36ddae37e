"""Where a hub's health is read: `/healthz` (alive), `/readyz` (send vehicles and screens here?), `/metrics`.

The first two answer anybody and say no more than what is wrong; `/metrics` wants the badge of an engineer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from aboard.health.judging import Concern, is_ready
from aboard.health.metrics import HubMetrics
from casebook.access import Gate, Role, need
from casebook.door import Answer, badge_of
from casebook.words import LANGUAGES, say


def add_health(app: FastAPI, gate: Gate, metrics: HubMetrics, judged: Callable[[], list[Concern]]) -> None:
    @app.get("/healthz")
    async def healthz() -> dict[str, bool]:
        """This process answers."""
        return {"alive": True}

    @app.get("/readyz")
    async def readyz() -> Response:
        """200 where vehicles and screens may be sent, 503 where not; with everything that is wrong, in words."""
        told = judged()
        ready = is_ready(told)
        return Answer({"ready": ready, "concerns": [said(one) for one in told]}, status_code=200 if ready else 503)

    @app.get("/metrics")
    async def figures(request: Request) -> Response:
        """Figures for Prometheus."""
        need(badge_of(gate, request), Role.ENGINEER, what="metrics")
        return Response(metrics.text(), media_type=CONTENT_TYPE_LATEST)


def said(one: Concern) -> dict[str, Any]:
    """A concern as anybody may read it, in both languages; without the ids of vehicles."""
    words = {}
    for language in LANGUAGES:
        hidden = {"unit": say("health.a_vehicle", language)} if "unit" in one.facts else {}
        words[language] = say(f"health.{one.key}", language, **(dict(one.facts) | hidden))
    return {"key": one.key, "severity": one.severity, **words}


def shown(told: list[Concern]) -> dict[str, dict[str, Any]]:
    """Concerns as the console gets them, by id."""
    return {one.id: {"key": one.key, "severity": one.severity, "facts": dict(one.facts)} for one in told}
