"""A case as the ward meets it, told fact by fact; the stories of the hospital's tests start from here."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from casebook import events as e
from casebook.casualty import Category, Findings, Pathway
from casebook.picture import Occasion, Picture, fold
from casebook.place import Place

START = datetime(2021, 4, 18, 1, 30, tzinfo=UTC)
SONGJIANG, JINSHAN = "songjiang", "jinshan"
SCENE, DOOR, PAD = Place(30.863, 121.001), Place(31.036, 121.236), Place(31.037, 121.237)
AMBULANCE, HELICOPTER = "A01", "H01"
SEVERE = Findings(
    mechanism="trapped driver", injuries=("pelvis",), signs="pale", treatments=("binder",),
    concern="haemorrhagic shock", ask=("trauma team", "blood"), pathway=Pathway.TRAUMA, needs=("trauma_centre",),
)  # fmt: skip


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def after(picture: Picture, seconds: float, *facts: e.Event, by: str = "ed:board") -> Picture:
    """The picture once these facts happened, `seconds` after START."""
    for fact in facts:
        picture = fold(picture, fact, Occasion(picture.seq + 1, at(seconds), by, AMBULANCE, "epoch", picture.seq + 1))
    return picture


def enrolled() -> Picture:
    """Two hospitals, an ambulance and a helicopter; nobody has said anything of what is free."""
    return after(
        Picture(), 0,
        e.HospitalEnrolled(SONGJIANG, "松江", "Songjiang", DOOR, ("trauma_centre",), 1, pad=PAD),
        e.HospitalEnrolled(JINSHAN, "金山", "Jinshan", Place(30.76, 121.345), ()),
        e.UnitEnrolled(AMBULANCE, "ambulance_5g", "急救车", "Ambulance", "songjiang", SCENE),
        e.UnitEnrolled(HELICOPTER, "helicopter", "直升机", "Helicopter", "songjiang", DOOR),
    )  # fmt: skip


def stated(picture: Picture, free: int | None = 2, total: int | None = 3, seconds: float = 0) -> Picture:
    return after(picture, seconds, e.CapacityReported(SONGJIANG, "resus_bay", free, total))


def leg_to(place: Place, eta_s: float, mode: str = "road") -> e.Leg:
    line = ((SCENE.lon, SCENE.lat, 0.0), (place.lon, place.lat, eta_s))
    return e.Leg(place, line, 30_000, eta_s, mode=mode)


def option_to(hospital: str, eta_s: float = 900) -> e.Option:
    return e.Option(hospital, "road", eta_s, {"drive": eta_s})


def on_scene(picture: Picture, casualty: str = "I1-A", findings: Findings = SEVERE) -> Picture:
    """The ambulance at the patient, triaged red at 330 s, findings at 340 s."""
    label = casualty.rpartition("-")[2]
    if not picture.incidents:
        picture = after(picture, 0, e.IncidentOpened("I1", SCENE, "traffic", 1, "120", "two cars"))
        picture = after(picture, 30, e.UnitAssigned(AMBULANCE, "I1"))
        picture = after(picture, 60, e.UnitEnRoute(AMBULANCE))
        picture = after(picture, 300, e.UnitOnScene(AMBULANCE))
    picture = after(picture, 310, e.CasualtyFound(casualty, "I1", label, 42, "m"))
    picture = after(picture, 320, e.UnitAtPatient(AMBULANCE, casualty))
    picture = after(picture, 330, e.CasualtyTriaged(casualty, "start", Category.RED, "crew"))
    return after(picture, 340, e.FindingsRecorded(casualty, findings))


def prealerted(picture: Picture, casualty: str = "I1-A", hospital: str = SONGJIANG, slot: int = 1) -> Picture:
    """Destination chosen, slot held, pre-alert sent at 400 s, due at 460 s, expected at 1300 s."""
    facts: Iterable[e.Event] = (
        e.DestinationChosen(casualty, option_to(hospital)),
        e.HoldPlaced(casualty, hospital, "resus_bay", slot, at(3600)),
        e.PrealertSent(casualty, hospital, at(460), at(1300), 1),
    )
    return after(picture, 400, *facts)


def expected(free: int | None = 2, total: int | None = 3) -> Picture:
    """A severe casualty on the way to Songjiang, the ward told but silent."""
    return prealerted(on_scene(stated(enrolled(), free, total)))


def arrived(picture: Picture, seconds: float = 1300, casualty: str = "I1-A") -> Picture:
    picture = after(picture, 500, e.CasualtyBoarded(casualty, AMBULANCE), e.UnitLeftScene(AMBULANCE))
    return after(
        picture, seconds, e.UnitAtDestination(AMBULANCE, SONGJIANG), e.CasualtyArrived(casualty, SONGJIANG, AMBULANCE)
    )
