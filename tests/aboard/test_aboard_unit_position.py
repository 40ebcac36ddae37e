"""A live vehicle never makes up where it is: a receiver says it, or it is unknown. Only a drill's follows its leg."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from aboard.unit import UnitSettings, Vehicle
from ambulance_unit.position import FollowLeg, PositionSource, Receiver, Unknown
from casebook.clock import RateClock

START = datetime(2026, 3, 1, tzinfo=UTC)


def source_of(folder: Path, *, position: str = "", clock: str = "") -> PositionSource:
    settings = UnitSettings(
        unit="A01", hub="http://127.0.0.1:1", token="t", folder=str(folder), lat=31.0, lon=121.2, live_media=False,
        position=position, clock=clock,
    )  # fmt: skip
    return Vehicle(settings).agent.whereabouts.source


def test_a_live_vehicle_without_a_receiver_is_nowhere(tmp_path: Path) -> None:
    source = source_of(tmp_path)
    assert isinstance(source, Unknown)
    assert source.fix(START) is None


def test_a_live_vehicle_listens_to_its_receiver(tmp_path: Path) -> None:
    source = source_of(tmp_path, position="/dev/ttyGPS0")
    assert isinstance(source, Receiver)
    assert source.device == Path("/dev/ttyGPS0")


def test_a_vehicle_of_a_drill_follows_its_leg(tmp_path: Path) -> None:
    RateClock(START, 6.0, file=tmp_path / "clock.txt").save()
    assert isinstance(source_of(tmp_path / "A01", clock=str(tmp_path / "clock.txt")), FollowLeg)
