"""The hub's figures in Prometheus' text form, each with its help. Vehicles and wards by id; never a patient.

Gauges are read from the picture when asked; counters and the histogram of commits run along.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry, Histogram, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from aboard.health.judging import Concern, Readings
from aboard.health.pulse import Pulse
from casebook.book import Book
from casebook.casualty import Stage
from casebook.picture import HospitalState, Picture

COMMIT_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


@dataclass(frozen=True, slots=True)
class Together:
    """Of one of several hubs: how many are there, whether it leads, whether the bus between them carries."""

    hubs: int
    leads: bool
    bus_up: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """What only the hub knows of itself: screens by feed, vehicles connected, media by stream; the hubs of its store,
    where that may have several; entries in the picture that a start would begin with, and entries that its own start
    left to be checked behind."""

    screens: dict[str, int]
    vehicles: int
    media: dict[str, dict[str, Any]]
    together: Together | None = None
    carried: int = 0
    unchecked: int = 0


class HubMetrics:
    """`seen()` and `judged()` are asked at each reading."""

    def __init__(
        self, book: Book, pulse: Pulse, seen: Callable[[], Seen], judged: Callable[[], tuple[Readings, list[Concern]]]
    ) -> None:
        self._book, self._pulse, self._seen, self._judged = book, pulse, seen, judged
        self._registry = CollectorRegistry()
        commits = Histogram(
            "aboard_commit_seconds", "Wall seconds of one commit to the book, the wait for the disk included.",
            buckets=COMMIT_BUCKETS_S, registry=self._registry,
        )  # fmt: skip
        pulse.commits.append(commits.observe)
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        self._registry.register(self)  # type: ignore[arg-type]  # a collector by its shape

    def text(self) -> bytes:
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        readings, told = self._judged()
        yield from _of_the_case(self._book.picture, self._book.clock.now())
        yield from _of_the_hub(self._seen())
        yield from _of_health(readings, told)
        yield _counter(
            "aboard_entries", "Entries committed since this hub began, by kind.", "kind", self._pulse.entries
        )
        yield _counter("aboard_failures", "Works of the hub that failed, by work.", "work", self._pulse.failures)


def _of_the_case(picture: Picture, now: datetime) -> Iterator[Metric]:
    stages = Counter({stage.value: 0 for stage in Stage})
    stages.update(one.stage.value for one in picture.casualties.values())
    yield _gauges("aboard_casualties", "Casualties by stage.", "stage", stages)
    yield _gauge("aboard_incidents", "Incidents in the picture.", len(picture.incidents))
    duties = Counter(unit.duty.value for unit in picture.units.values())
    yield _gauges("aboard_units", "Vehicles by duty.", "duty", duties)
    yield _gauge("aboard_holds", "Bays held now.", sum(hold.until > now for hold in picture.holds.values()))
    yield _gauges(
        "aboard_capacity_age_seconds", "Clock seconds since a ward's newest figure; absent: never stated.",
        "hospital", {id: age for id, one in picture.hospitals.items() if (age := _newest_s(one, now)) is not None},
    )  # fmt: skip
    yield _gauge("aboard_closures", "Road closures in the picture.", len(picture.roads))
    yield _gauge("aboard_entry_last", "Sequence number of the newest entry in the picture.", picture.seq)


def _newest_s(hospital: HospitalState, now: datetime) -> float | None:
    stated = [figure.at for figure in hospital.figures.values() if figure.at is not None]
    return (now - max(stated)).total_seconds() if stated else None


def _of_the_hub(seen: Seen) -> Iterator[Metric]:
    yield _gauges("aboard_screens", "Screens that listen, by feed.", "feed", seen.screens)
    yield _gauge("aboard_vehicles_connected", "Vehicles whose link is open.", seen.vehicles)
    yield _gauge("aboard_entry_carried", "Last entry of the picture that a start begins with; 0: none.", seen.carried)
    yield _gauge("aboard_entries_unchecked", "Entries before this hub's start, still to be checked.", seen.unchecked)
    if (one := seen.together) is not None:
        yield _gauge("aboard_hubs", "Hubs of this book that are there, this one among them.", one.hubs)
        yield _gauge("aboard_hub_leads", "1 where this hub answers crews for all hubs of the book.", one.leads)
        yield _gauge(
            "aboard_bus_up", "1 while the bus between hubs carries; without it they ask the store.", one.bus_up
        )
    live = {stream: counts for stream, counts in seen.media.items() if counts.get("live")}
    yield _gauge("aboard_streams_live", "Media streams that are live.", len(live))
    for name, told in (("frames_in", "Pictures received"), ("bytes_in", "Bytes received")):
        counts = {stream: counts[name] for stream, counts in seen.media.items() if name in counts}
        yield _counter(f"aboard_media_{name}", f"{told}, by stream.", "stream", counts)


def _of_health(readings: Readings, told: list[Concern]) -> Iterator[Metric]:
    severities = Counter({"warn": 0, "stop": 0})
    severities.update(one.severity for one in told)
    yield _gauges(
        "aboard_concerns", "What is wrong with this hub, by severity; stop means not ready.", "severity", severities
    )
    single = {
        "aboard_disk_free_bytes": ("Bytes free where the book lies.", readings.disk_free_mb, 1e6),
        "aboard_loop_lag_seconds": ("How late the hub's loop was, worst of a minute.", readings.loop_lag_s, 1.0),
    }  # fmt: skip
    for name, (help, value, factor) in single.items():
        yield GaugeMetricFamily(name, help, value=None if value is None else value * factor)
    silent = "Wall seconds since the last row of a vehicle with somebody aboard."
    yield _gauges("aboard_vehicle_silent_seconds", silent, "unit", readings.silent_s)
    ahead = "How far a vehicle's clock was ahead of the hub's at its last row."
    yield _gauges("aboard_vehicle_clock_ahead_seconds", ahead, "unit", readings.ahead_s)


def _gauge(name: str, help: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help, value=value)


def _gauges(name: str, help: str, label: str, values: Any) -> Metric:
    family = GaugeMetricFamily(name, help, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def _counter(name: str, help: str, label: str, values: Any) -> Metric:
    family = CounterMetricFamily(name, help, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family
