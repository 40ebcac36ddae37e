"""Random tales for the laws of the casebook: facts in any order, sensible or not, and ways to tell them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import strategies as st

from casebook import events as e
from casebook.book import Book
from casebook.casualty import Category, Findings
from casebook.clock import JumpClock
from casebook.errors import CoordinationError
from casebook.log import By, Draft, Log, MemoryLog
from casebook.picture import Occasion, Picture, fold
from casebook.place import Place
from casebook.sqlite_log import SqliteLog

START = datetime(2021, 4, 18, 1, 30, tzinfo=UTC)
HERE = Place(31.0, 121.2)
BY = By("desk", "test")
KEEPERS = ("memory", "sqlite")

incidents, units = st.sampled_from(["I1", "I2"]), st.sampled_from(["A01", "H01"])
casualties, hospitals = st.sampled_from(["I1-A", "I1-B", "I2-A"]), st.sampled_from(["songjiang", "jinshan"])
slots, members = st.integers(1, 2), st.sampled_from(["surgeon", "nurse"])
instants = st.integers(0, 7200).map(lambda seconds: START + timedelta(seconds=seconds))
options = st.builds(e.Option, hospitals, st.sampled_from(["road", "air"]), st.floats(1, 5000), st.just({"drive": 1.0}))
samples = st.dictionaries(st.sampled_from(["hr_bpm", "spo2_pct", "rr_bpm"]), st.integers(0, 100), max_size=3)

# Openings stand first and twice, so that most tales get somewhere.
facts = st.one_of(
    st.builds(e.IncidentOpened, incidents, st.just(HERE), st.just("traffic"), st.just(1), st.just("120"), st.just("")),
    st.builds(e.UnitEnrolled, units, st.just("ambulance"), st.just("车"), st.just("car"), st.just("d"), st.just(HERE)),
    st.builds(e.HospitalEnrolled, hospitals, st.just("院"), st.just("hospital"), st.just(HERE), st.just(("ct",))),
    st.builds(e.CasualtyFound, casualties, incidents, st.just("A")),
    st.builds(e.CasualtyTriaged, casualties, st.just("start"), st.sampled_from(Category), st.just("crew")),
    st.builds(e.FindingsRecorded, casualties, st.builds(Findings, st.text(max_size=5))),
    st.builds(e.VitalsRecorded, casualties, units, samples),
    st.builds(e.HoistPlaceJudged, incidents, st.booleans()),
    st.builds(e.UnitAssigned, units, incidents),
    st.builds(e.UnitEnRoute, units),
    st.builds(e.UnitOnScene, units),
    st.builds(e.UnitAtPatient, units, casualties),
    st.builds(e.UnitLeftScene, units),
    st.builds(e.UnitAtLandingSite, units, st.just("field")),
    st.builds(e.UnitAtDestination, units, hospitals),
    st.builds(e.UnitBackInService, units),
    st.builds(e.PositionReported, units, st.floats(30, 32), st.floats(120, 122)),
    st.builds(e.DestinationRequested, casualties, units),
    st.builds(e.DestinationChosen, casualties, options),
    st.builds(e.HoldPlaced, casualties, hospitals, st.just("resus_bay"), slots, instants),
    st.builds(e.HoldReleased, casualties, hospitals, st.just("resus_bay"), slots, st.just("test")),
    st.builds(e.HoldSeen, st.just("north/I1-A"), hospitals, st.just("resus_bay"), slots, instants),
    st.builds(e.PrealertSent, casualties, hospitals, instants),
    st.builds(e.PrealertRepeated, casualties, hospitals, instants),
    st.builds(e.PrealertAcknowledged, casualties, hospitals, st.just("sister")),
    st.builds(e.CaseRefused, casualties, hospitals, st.just("sister"), st.just("no staff")),
    st.builds(e.PrealertWithdrawn, casualties, hospitals, st.just("diverted")),
    st.builds(e.BayAssigned, casualties, hospitals, st.just("R1")),
    st.builds(e.TeamActivated, casualties, hospitals, st.just("trauma"), st.just(1), st.just(("surgeon", "nurse"))),
    st.builds(e.TeamMemberReported, casualties, hospitals, members, st.sampled_from(["coming", "ready"])),
    st.builds(e.CasualtyBoarded, casualties, units),
    st.builds(e.CasualtyTransferred, casualties, units, units, st.just("field")),
    st.builds(e.CasualtyArrived, casualties, hospitals, units),
    st.builds(e.HandoverStarted, casualties, hospitals),
    st.builds(e.HandoverSigned, casualties, st.sampled_from(["crew", "hospital"]), st.just("who")),
    st.builds(e.HandoverCompleted, casualties, hospitals),
    st.builds(e.CapacityReported, hospitals, st.sampled_from(["ct", "resus_bay"]), st.integers(0, 3), st.just(3)),
    st.builds(e.ServiceClosed, hospitals, st.just("ct"), st.just("down")),
    st.builds(e.MessageSent, st.sampled_from(["m1", "m2"]), casualties, hospitals, st.text(max_size=5), st.booleans()),
    st.builds(e.MessageRead, st.sampled_from(["m1", "m2"]), st.just("crew"), st.text(max_size=5)),
    st.builds(e.RoadClosed, st.sampled_from(["c1"]), st.just("works"), km=st.sampled_from([None, (38.0, 41.0)])),
    st.builds(
        e.TrafficObserved,
        st.sampled_from(["loops", "taxis"]),
        st.just("roads"),
        st.just(((20.0, 18.0, 25.0, 30.0),)),
        st.just(((0, 3, 0),)),
    ),
    st.builds(e.RoadReopened, st.sampled_from(["c1"])),
    st.builds(e.TaskOpened, st.just("t1"), incidents, st.just("air_standby"), st.just("agency"), instants),
    st.builds(e.TaskApproved, st.just("t1"), st.just("chief")),
)  # fmt: skip

OPENING: tuple[e.Event, ...] = (
    e.IncidentOpened("I1", HERE, "traffic", 1, "120", "two cars"),
    e.UnitEnrolled("A01", "ambulance", "车", "car", "d", HERE),
    e.UnitEnrolled("H01", "helicopter", "机", "helicopter", "d", HERE),
    e.HospitalEnrolled("songjiang", "松江", "Songjiang", HERE, ("trauma_centre",)),
    e.CasualtyFound("I1-A", "I1", "A"),
    e.CasualtyFound("I1-B", "I1", "B"),
)


def occasion(seq: int) -> Occasion:
    return Occasion(seq, START + timedelta(seconds=seq), str(BY), "A01", "e", seq)


def told(tale: Iterable[e.Event], picture: Picture | None = None) -> Picture:
    """The picture after every fact of the tale that fits; the others change nothing."""
    picture = picture or Picture()
    for fact in tale:
        try:
            picture = fold(picture, fact, occasion(picture.seq + 1))
        except CoordinationError:
            continue
    return picture


def that_fit(tale: Iterable[e.Event]) -> list[e.Event]:
    """The facts of a tale that could be recorded."""
    picture, kept = Picture(), []
    for fact in tale:
        try:
            picture = fold(picture, fact, occasion(picture.seq + 1))
        except CoordinationError:
            continue
        kept.append(fact)
    return kept


tales = st.lists(facts, max_size=40).map(lambda tale: [*OPENING, *tale])


def keeper(kind: str, folder: Path, name: str = "log.db") -> Log:
    return MemoryLog() if kind == "memory" else SqliteLog(folder / name)


def draft(kind: str = "unit_en_route", seconds: float = 0, **changes) -> Draft:
    at = START + timedelta(seconds=seconds)
    return Draft(kind, 1, changes.pop("body", {"unit": "A01"}), at, at, BY, **changes)


async def opened(log: Log, *more: e.Event) -> Book:
    """A book with the opening told."""
    book = Book.open(log, JumpClock(START))
    await book.write(lambda picture: [*OPENING, *more], BY)
    return book


def kinds(log: Log) -> Sequence[str]:
    return [entry.kind for entry in log.read()]
