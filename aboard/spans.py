"""Tell an OpenTelemetry collector how long the hub's works take, part by part; off unless `ABOARD_OTEL` names one.

Spans have no identity: their facts are numbers and words of closed lists, everything else becomes `other`; an error is
told by its key, never by its words. Needs the extra `otel`; while it is off nothing of OpenTelemetry's is imported, and
the works themselves (casebook/spans.py) cost a call. The provider is our own, not the process', so that no library that
looks for one adds paths and addresses to it. Standard variables (OTEL_EXPORTER_OTLP_HEADERS, OTEL_TRACES_SAMPLER, ...)
count.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import logging
import math
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

from casebook import spans
from casebook.access import Role
from casebook.errors import CoordinationError, RefusedInput
from casebook.spans import Fact
from casebook.words import catalogue

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Tracer

WORKS = frozenset({"command", "decision", "commit", "feed", "media"})
NUMBERS = frozenset({"entries", "tries", "views", "watched"})
OTHER = "other"
SERVICE, TRACES = "aboard-hub", "/v1/traces"
EXPORT_S = 5.0  # how long a collector may take; the end of a hub waits no longer
TOLD_AGAIN_S = 60.0
TALKATIVE = ("opentelemetry.exporter.otlp.proto.http.trace_exporter", "opentelemetry.sdk._shared_internal")


@contextlib.asynccontextmanager
async def spans_told(
    collector: str, asks: Iterable[str] = (), exporter: SpanExporter | None = None
) -> AsyncIterator[None]:
    """While the block runs. `collector`: its OTLP/HTTP address, as http://127.0.0.1:4318; nothing happens where it is
    empty and there is no `exporter`. `asks`: the names that commands may have.

    Raises RefusedInput for what is no address (`otel_address`), or where the extra is not there (`otel_missing`).
    """
    if not collector and exporter is None:
        yield
        return
    if exporter is None and not collector.startswith(("http://", "https://")):
        raise RefusedInput("otel_address", given=collector)
    if importlib.util.find_spec("opentelemetry.sdk") is None:
        raise RefusedInput("otel_missing")
    provider = _provider(exporter or _exporter(collector))
    spans.listen(Telling(provider.get_tracer(SERVICE), words_of(asks)))
    try:
        yield
    finally:
        spans.listen(None)
        await asyncio.to_thread(provider.shutdown)


def words_of(asks: Iterable[str]) -> dict[str, Collection[str]]:
    """Fact -> the words that it may have."""
    errors = (key.removeprefix("error.") for key in catalogue("en") if key.startswith("error."))
    return {
        "ask": frozenset(asks), "role": frozenset(str(role) for role in Role), "error": frozenset(errors),
        "action": frozenset({"publish", "view"}),
    }  # fmt: skip


class Telling:
    """Begins a span for each work, of facts that have no identity."""

    def __init__(self, tracer: Tracer, words: Mapping[str, Collection[str]]) -> None:
        self._tracer, self._words = tracer, words

    def __call__(self, work: str, facts: Mapping[str, Fact]) -> spans.Span:
        return _Told(self, work if work in WORKS else OTHER, facts)

    def fit(self, facts: Mapping[str, Fact]) -> dict[str, Fact]:
        """What of these facts may leave the house."""
        told: dict[str, Fact] = {}
        for name, value in facts.items():
            if (words := self._words.get(name)) is not None:
                told[name] = str(value) if str(value) in words else OTHER
            elif name in NUMBERS and isinstance(value, int | float) and math.isfinite(value):
                told[name] = value
        return told

    def begin(self, work: str, facts: Mapping[str, Fact]) -> Any:
        """OpenTelemetry's own context manager; it must not write down what an error says."""
        return self._tracer.start_as_current_span(
            work, attributes=self.fit(facts), record_exception=False, set_status_on_exception=False
        )


class _Told:
    """One span. Made again for each work; entered once."""

    def __init__(self, telling: Telling, work: str, facts: Mapping[str, Fact]) -> None:
        self._telling, self._context, self._span = telling, telling.begin(work, facts), None

    def __enter__(self) -> spans.Span:
        self._span = self._context.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, Exception):  # a work that is cancelled did not fail
            from opentelemetry.trace import StatusCode

            self.tell(error=error.key if isinstance(error, CoordinationError) else "unexpected")
            assert self._span is not None
            self._span.set_status(StatusCode.ERROR)
        self._context.__exit__(None, None, None)

    def tell(self, **facts: Fact) -> None:
        assert self._span is not None
        self._span.set_attributes(self._telling.fit(facts))


def _provider(exporter: SpanExporter) -> Any:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": SERVICE}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


def _exporter(collector: str) -> SpanExporter:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    for name in TALKATIVE:
        logging.getLogger(name).addFilter(SELDOM)
    base = collector.rstrip("/").removesuffix(TRACES)
    return OTLPSpanExporter(endpoint=base + TRACES, timeout=EXPORT_S)


class Seldom(logging.Filter):
    """A collector that is away is told once a minute and in one line, not for every batch."""

    def __init__(self) -> None:
        super().__init__()
        self._told_s = -math.inf

    def filter(self, record: logging.LogRecord) -> bool:
        if record.created - self._told_s < TOLD_AGAIN_S:
            return False
        self._told_s, record.exc_info, record.exc_text = record.created, None, None
        return True


SELDOM = Seldom()
