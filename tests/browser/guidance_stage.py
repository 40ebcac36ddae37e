"""A real hub and a real vehicle whose camera pans over a drawn roadside scene: a test knows where a mark belongs."""

from __future__ import annotations

import contextlib
import math
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest

from aboard.hub import Hub
from aboard.hub_setup import open_hub
from aboard.links import Links
from aboard.serving import Listening, serving
from aboard.unit import UnitSettings, Vehicle
from casebook import events as e
from casebook.casualty import Category, Findings
from casebook.clock import WallClock
from casebook.log import By
from casebook.place import Place
from media import camera
from media.camera import FPS, HEIGHT, WIDTH
from media.guidance.tags import draw_tag
from media.roadside import RoadsideScene
from scenarios.feeds import Body

UNIT, WARD, INCIDENT = "SJ-5G-01", "sgh_south", "I1"
A = f"{INCIDENT}-A"
SCENE = Place(30.8636, 121.0003)
TAG = 7
ILL = {
    "at": 0, "hr_bpm": 126, "spo2_pct": 88, "sbp_mmhg": 86, "dbp_mmhg": 54, "rr_bpm": 30, "etco2_mmhg": 34,
    "temp_c": 36.2, "gcs_eye": 3, "gcs_verbal": 4, "gcs_motor": 6,
}  # fmt: skip


class PanningScene:
    """The roadside, larger than a picture, with a triage tag in it; the camera looks slowly around in it."""

    def __init__(self) -> None:
        world = RoadsideScene(WIDTH + 340, HEIGHT + 160, seed=3).picture(4.0)
        rng = np.random.default_rng(5)
        for _ in range(160):  # gravel, debris and tread marks: a real verge is not of one colour
            x, y = int(rng.integers(0, WIDTH + 340)), int(rng.integers(130, HEIGHT + 160))
            cv2.circle(world, (x, y), int(rng.integers(2, 9)), [int(level) for level in rng.integers(30, 220, 3)], -1)
        world[300:364, 610:674] = cv2.cvtColor(draw_tag(TAG, 64), cv2.COLOR_GRAY2BGR)
        self.world, self.covered = world, False

    def offset(self, frame: int) -> tuple[int, int]:
        t_s = frame / FPS
        return round(170 + 90 * math.sin(0.9 * t_s)), round(80 + 40 * math.sin(0.7 * t_s + 1))

    def picture(self, t_s: float) -> np.ndarray:
        x, y = self.offset(round(t_s * FPS))
        seen = np.ascontiguousarray(self.world[y : y + HEIGHT, x : x + WIDTH])
        return cv2.cvtColor(np.full_like(seen, 5) if self.covered else seen, cv2.COLOR_BGR2YUV_I420)

    def close(self) -> None:
        return

    def carried(self, point: tuple[float, float], drawn_on: int, now: int) -> tuple[float, float]:
        """Where a point of frame `drawn_on` is on frame `now`, both as shares of the picture."""
        (x0, y0), (x1, y1) = self.offset(drawn_on), self.offset(now)
        return point[0] + (x0 - x1) / WIDTH, point[1] + (y0 - y1) / HEIGHT


@dataclass(slots=True)
class Consultation:
    hub: Hub
    vehicle: Vehicle
    scene: PanningScene
    wall_url: str
    tablet_url: str

    async def tell(self, *facts: e.Event) -> None:
        await self.hub.book.write(lambda picture: facts, By("paramedic", UNIT, "button"))


@contextlib.asynccontextmanager
async def consultation(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Consultation]:
    """The casualty is aboard, the ward told, the vehicle's camera and monitor on."""
    scene = PanningScene()
    monkeypatch.setattr(camera, "_open_source", lambda *spec: scene)
    hub, _ = await open_hub(folder / "hub", "yangtze_delta", WallClock())
    enrolled = e.UnitEnrolled(UNIT, "ambulance_5g", "松江5G急救车", "Songjiang 5G ambulance", "songjiang", SCENE)
    await hub.book.write(lambda picture: [enrolled], By("desk", "hub", "desk"))
    links = Links(folder / "hub" / "links.json", hub.gate).issue([WARD], [UNIT])
    async with hub.running(), serving(hub.app, Listening()) as hub_url:
        settings = UnitSettings(
            unit=UNIT, hub=hub_url, token=links[f"unit:{UNIT}"], folder=str(folder / "unit"), lat=SCENE.lat,
            lon=SCENE.lon, bodies=(Body("A", (ILL, {"at": 7200, "hr_bpm": 124})),),
        )  # fmt: skip
        vehicle = Vehicle(settings)
        async with vehicle.running(), serving(vehicle.app, Listening()) as unit_url:
            wall, tablet = links[f"hospital:{WARD}"], vehicle.crew_token()
            staged = Consultation(
                hub, vehicle, scene, f"{hub_url}/wall?lang=en#{wall}", f"{unit_url}/tablet?lang=en#{tablet}"
            )
            await staged.tell(*a_case(hub))
            yield staged


def a_case(hub: Hub) -> list[e.Event]:
    """From the call to the pre-alert: one severe casualty aboard, on the way to the ward."""
    now = hub.clock.now()
    leg = e.Leg(hub.book.picture.get_hospital(WARD).place, ((121.0, 30.86, 0.0), (121.2, 31.0, 900.0)), 30_000, 900)
    return [
        e.IncidentOpened(INCIDENT, SCENE, "traffic", 1, "110", "two cars", happened_at=now - timedelta(seconds=400)),
        e.UnitAssigned(UNIT, INCIDENT, "transport", leg), e.UnitAcknowledged(UNIT), e.UnitEnRoute(UNIT),
        e.UnitOnScene(UNIT), e.CasualtyFound(A, INCIDENT, "A", 41, "m"), e.UnitAtPatient(UNIT, A),
        e.CasualtyTriaged(A, "manual", Category.RED, "crew"),
        e.FindingsRecorded(A, Findings(mechanism="trapped driver", injuries=("pelvis",), concern="haemorrhagic shock")),
        e.DestinationChosen(A, e.Option(WARD, "road", 900, {"drive": 900})),
        e.PrealertSent(A, WARD, now + timedelta(seconds=60), now + timedelta(seconds=900), 1),
        e.PrealertAcknowledged(A, WARD, "Dr Wang"),
        e.CasualtyBoarded(A, UNIT), e.UnitLeftScene(UNIT), e.LegGiven(UNIT, "hospital", leg),
    ]  # fmt: skip
