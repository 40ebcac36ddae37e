"""Spans: off they cost a call, on they reach a collector; whoever reads them learns of no person and no vehicle."""

from __future__ import annotations

import asyncio
import http.server
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aboard.hub import Hub
from aboard.hub_setup import open_hub
from aboard.spans import NUMBERS, OTHER, SELDOM, WORKS, Telling, spans_told, words_of
from casebook import events as e
from casebook import spans
from casebook.access import Badge, Role
from casebook.clock import JumpClock
from casebook.errors import NotFound, RefusedInput
from casebook.log import By
from casebook.place import Place
from casebook.spans import UNHEARD, span

sdk = pytest.importorskip("opentelemetry.sdk.trace", reason="the extra otel is not installed")

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest  # noqa: E402
from opentelemetry.sdk.trace.export import SimpleSpanProcessor  # noqa: E402
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter  # noqa: E402

NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)


@contextmanager
def heard(asks: tuple[str, ...] = ()) -> Iterator[InMemorySpanExporter]:
    """What is told while the block runs, at once."""
    exporter, provider = InMemorySpanExporter(), sdk.TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    spans.listen(Telling(provider.get_tracer("test"), words_of(asks)))
    try:
        yield exporter
    finally:
        spans.listen(None)


@pytest.fixture
async def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Hub, dict[str, str]]]:
    monkeypatch.setenv("ABOARD_CACHE", str(tmp_path / "cache"))
    opened, links = await open_hub(tmp_path / "hub", "yangtze_delta", JumpClock(NOON))
    yield opened, links
    opened.book.log.close()


def asking(hub: tuple[Hub, dict[str, str]]) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {hub[1]['dispatcher']}"}
    return httpx.AsyncClient(transport=httpx.ASGITransport(hub[0].app), base_url="http://hub", headers=headers)


# --- off


def test_a_hub_without_a_collector_imports_nothing_of_the_sdk():
    told = "import sys, aboard.hub, aboard.spans; print([one for one in sys.modules if 'opentelemetry.sdk' in one])"
    assert subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout == "[]\n"


async def test_while_nobody_listens_every_span_is_the_same_object():
    async with spans_told(""):
        assert span("command", ask="x") is UNHEARD is span("commit")
    with UNHEARD as work:
        work.tell(entries=3)


# --- on


async def test_a_command_has_its_decision_and_its_commit_within(hub: tuple[Hub, dict[str, str]]):
    opened, _ = hub
    here = Place(31.03, 121.22)
    found = (
        e.IncidentOpened("I1", here, "traffic", 1, "120", ""),
        e.UnitEnrolled("A01", "ambulance", "一", "One", "s", here),
    )
    await opened.book.write(lambda picture: found, By("desk", "test"))
    with heard(tuple(ask.name for ask in opened.asks())) as exporter:
        async with asking(hub) as client:
            assert (
                await client.post("/api/v1/ask/assign_unit", json={"unit": "A01", "incident": "I1"})
            ).status_code == 200
    by_name: dict[str, Any] = {one.name: one for one in exporter.get_finished_spans()}
    command, decision, commit = (by_name[name] for name in ("command", "decision", "commit"))
    assert dict(command.attributes) == {"ask": "assign_unit", "role": "dispatcher"} and command.parent is None
    assert decision.parent.span_id == command.context.span_id and decision.attributes["tries"] == 1
    assert commit.parent.span_id == decision.context.span_id and commit.attributes["entries"] >= 1
    assert command.start_time <= decision.start_time <= commit.start_time < commit.end_time <= command.end_time


async def test_an_ask_that_is_refused_is_told_by_its_key_and_never_by_its_words(hub: tuple[Hub, dict[str, str]]):
    with heard(("assign_unit",)) as exporter:
        async with asking(hub) as client:
            answer = await client.post("/api/v1/ask/assign_unit", json={"unit": "Wang Xiaoming", "incident": "I1"})
    assert answer.status_code == 404
    told = next(one for one in exporter.get_finished_spans() if one.name == "command")
    assert told.attributes["error"] == "not_found" and not told.status.is_ok
    assert "Wang" not in told.to_json() and not told.events


async def test_an_offer_that_cannot_be_answered_is_a_media_span_with_its_error(hub: tuple[Hub, dict[str, str]]):
    with heard() as exporter:
        async with asking(hub) as client:
            headers = {"Content-Type": "application/sdp"}
            answer = await client.post("/api/v1/media/whep/A01", content=b"v=0", headers=headers)
    (told,) = exporter.get_finished_spans()
    assert 400 <= answer.status_code < 500 and told.name == "media"
    assert told.attributes["action"] == "view" and told.attributes["error"] != OTHER


def test_an_error_of_ours_is_unexpected_and_a_cancelled_work_is_none():
    with heard() as exporter:
        with pytest.raises(ZeroDivisionError), span("commit", entries=1):
            _ = 1 / 0
        with pytest.raises(asyncio.CancelledError), span("feed", watched=1):
            raise asyncio.CancelledError
        with pytest.raises(NotFound), span("media", action="view"):
            raise NotFound("hospital_unknown_here", id="x")
    failed, cancelled, refused = exporter.get_finished_spans()
    assert failed.attributes["error"] == "unexpected" and "error" not in cancelled.attributes
    assert refused.attributes == {"action": "view", "error": OTHER}, "a key that no catalogue has"


facts = st.one_of(
    st.text(max_size=40), st.integers(), st.floats(), st.booleans(), st.sampled_from(["view", "ED", "其他"])
)
names = st.one_of(st.text(max_size=20), st.sampled_from(["ask", "role", "action", "error", *sorted(NUMBERS)]))


@settings(max_examples=60)
@given(st.text(max_size=30), st.dictionaries(names, facts), st.dictionaries(names, facts), facts)
def test_whatever_is_told_of_a_work_only_words_of_closed_lists_and_numbers_go_out(
    work: str, first: dict[str, Any], later: dict[str, Any], said: Any
):
    allowed = words_of(["assign_unit"])
    with heard(("assign_unit",)) as exporter, pytest.raises(NotFound):
        listener = spans._listener
        assert listener is not None
        with listener(work, first) as told:
            told.tell(**later)
            raise NotFound(str(said), what=said)
    (one,) = exporter.get_finished_spans()
    assert one.name in WORKS | {OTHER} and not one.events and one.status.description is None
    for name, value in (one.attributes or {}).items():
        assert (name in NUMBERS and not isinstance(value, str)) or value in {*allowed[name], OTHER}


async def test_nobody_who_speaks_to_a_hub_stands_in_its_spans(hub: tuple[Hub, dict[str, str]]):
    opened, links = hub
    here, secret = Place(31.03, 121.22), "WangXiaoming"
    badge = Badge(Role.DISPATCHER, secret)
    token = opened.gate.issue(badge)
    with heard(tuple(ask.name for ask in opened.asks())) as exporter:
        async with asking(hub) as client:
            for ask in opened.asks():
                body = dict.fromkeys(ask.command.__struct_fields__, secret)
                headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": secret + ask.name}
                await client.post(f"/api/v1/ask/{ask.name}", json=body, headers=headers)
            found = e.IncidentOpened(secret, here, "traffic", 1, secret, secret)
            await opened.book.write(lambda picture: [found], By("desk", secret))
    told = "".join(one.to_json() for one in exporter.get_finished_spans())
    assert told and secret not in told and not any(token in told for token in links.values())


# --- a collector


class Collector:
    """An OTLP/HTTP endpoint on loopback: decodes what comes, answers with the status that it was set to."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, ExportTraceServiceRequest]] = []
        outer = self

        class Door(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.requests.append((self.path, ExportTraceServiceRequest.FromString(body)))
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                return

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Door)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    @contextmanager
    def serving(self) -> Iterator[Collector]:
        thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield self
        finally:
            self.server.shutdown()
            self.server.server_close()
            thread.join()


@pytest.mark.parametrize("path", ["", "/", "/v1/traces"])
async def test_a_collector_has_every_span_when_the_hub_has_ended(path: str):
    with Collector().serving() as collector:
        async with spans_told(collector.url + path):
            with span("command", ask="x"), span("commit", entries=2):
                pass
    ((where, request),) = collector.requests
    (resource,) = request.resource_spans
    service = {one.key: one.value.string_value for one in resource.resource.attributes}["service.name"]
    told = {one.name: one for one in resource.scope_spans[0].spans}
    assert (where, service, set(told)) == ("/v1/traces", "aboard-hub", {"command", "commit"})
    assert told["commit"].parent_span_id == told["command"].span_id
    assert {one.key: one.value.int_value for one in told["commit"].attributes} == {"entries": 2}
    assert span("command") is UNHEARD, "nothing is measured any more"


async def test_a_collector_that_is_away_is_told_once_and_ends_nothing(caplog: pytest.LogCaptureFixture):
    SELDOM.__init__()
    with Collector().serving() as collector:
        gone = collector.url
    async with spans_told(gone):
        for _ in range(3):
            with span("commit", entries=1):
                pass
    assert len(caplog.records) == 1 and caplog.records[0].exc_info is None


async def test_what_is_no_address_is_refused_with_an_example():
    with pytest.raises(RefusedInput) as refused:
        async with spans_told("collector:4318"):
            pass
    assert refused.value.key == "otel_address" and "http://127.0.0.1:4318" in refused.value.said("en")


async def test_without_the_packages_it_is_said_how_to_get_them(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("aboard.spans.importlib.util.find_spec", lambda name: None)
    with pytest.raises(RefusedInput) as refused:
        async with spans_told("http://127.0.0.1:4318"):
            pass
    assert refused.value.key == "otel_missing" and "aboard[otel]" in refused.value.said("zh")
