"""A Grafana dashboard over the hub's own metrics, made from one table so that it names only what exists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from casebook.words import Language, say

COLUMNS, WIDTH, HEIGHT = 3, 8, 7  # of Grafana's grid of 24 columns
SCHEMA = 39  # of dashboards, Grafana 10 and later


@dataclass(frozen=True, slots=True)
class Panel:
    """`name` is the word `health.panel.<name>`; `expr` is PromQL; `unit` is Grafana's; `legend` its label pattern."""

    name: str
    expr: str
    unit: str = "short"
    legend: str = ""


PANELS = (
    Panel("concerns", "aboard_concerns", legend="{{severity}}"),
    Panel("casualties", "aboard_casualties", legend="{{stage}}"),
    Panel("units", "aboard_units", legend="{{duty}}"),
    Panel("silent", "aboard_vehicle_silent_seconds", "s", "{{unit}}"),
    Panel("connected", "aboard_vehicles_connected"),
    Panel("screens", "sum by (feed) (aboard_screens)", legend="{{feed}}"),
    Panel("entries", "sum by (kind) (rate(aboard_entries_total[1m]))", "ops", "{{kind}}"),
    Panel("commit", "histogram_quantile(0.99, sum by (le) (rate(aboard_commit_seconds_bucket[5m])))", "s"),
    Panel("lag", "aboard_loop_lag_seconds", "s"),
    Panel("failures", "sum by (work) (rate(aboard_failures_total[5m]))", "ops", "{{work}}"),
    Panel("capacity_age", "aboard_capacity_age_seconds", "s", "{{hospital}}"),
    Panel("holds", "aboard_holds"),
    Panel("media", "sum by (stream) (rate(aboard_media_bytes_in_total[1m]))", "Bps", "{{stream}}"),
    Panel("disk", "aboard_disk_free_bytes", "bytes"),
    Panel("memory", "process_resident_memory_bytes", "bytes"),
)


def dashboard(language: Language = "en") -> dict[str, Any]:
    """The dashboard as Grafana imports it; the data source is chosen there."""
    source = {"type": "prometheus", "uid": "${source}"}
    return {
        "uid": "aboard-hub",
        "title": say("health.dashboard", language),
        "schemaVersion": SCHEMA,
        "timezone": "browser",
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": [{"name": "source", "type": "datasource", "query": "prometheus"}]},
        "panels": [_drawn(panel, place, source, language) for place, panel in enumerate(PANELS)],
    }


def _drawn(panel: Panel, place: int, source: dict[str, str], language: Language) -> dict[str, Any]:
    row, column = divmod(place, COLUMNS)
    return {
        "id": place + 1,
        "type": "timeseries",
        "title": say(f"health.panel.{panel.name}", language),
        "datasource": source,
        "gridPos": {"x": column * WIDTH, "y": row * HEIGHT, "w": WIDTH, "h": HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": [{"refId": "A", "datasource": source, "expr": panel.expr, "legendFormat": panel.legend or "__auto"}],
    }
