"""Open a hub on its folder, or on a database beside others: the book, the badges, the region's roads, the desks."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path
from typing import Any

import msgspec

from aboard.carrying import FILE as CARRIED
from aboard.carrying import Carrying, add_carrying
from aboard.disk_key import disk_seal
from aboard.files_desk import add_files
from aboard.hub import Hub
from aboard.hub_routes import add_routes
from aboard.in_step import InStep
from aboard.links import Links
from aboard.opening import open_book
from aboard.recording_desk import add_recording
from aboard.thumbnails import add_thumbnails
from aboard.uplinks import add_uplinks
from casebook import events as e
from casebook.access import Gate
from casebook.answers import Answers
from casebook.book import Book
from casebook.bus import open_bus
from casebook.clock import Clock
from casebook.desks import DESK
from casebook.errors import RefusedInput
from casebook.holds import open_holds
from casebook.holds.booking import SharedHolds
from casebook.ledger_now import LedgerNow
from casebook.store.opening import open_log
from casebook.store.peers import Peers
from casebook.store.postgres_log import PostgresLog
from casebook.store.seals import seal_of
from casebook.store.shared_answers import SharedAnswers
from casebook.store.shared_gate import SharedGate
from casebook.store.shared_tables import make_shared_tables
from dispatch.app import DispatchRoom
from hospital_board.app import HospitalRoom
from hospital_board.consult_stills import Stills
from routing.roads import load_roads
from scenarios.area import area_of
from scenarios.fleet import load_fleet
from scenarios.region import Region, find_region, load_region

HUB_NAME = 12  # characters of a hash: a book's first entry's in the store of holds, a hub's key's in its own store


async def open_hub(
    folder: Path,
    region: str,
    clock: Clock,
    *,
    facts: Path | None = None,
    fleet: Path | None = None,
    drill: bool = False,
    holds: str = "",
    store: str = "",
    bus: str = "",
) -> tuple[Hub, dict[str, str]]:
    """The hub and everyone's tokens. An empty book begins with the region's hospitals and the given facts.

    Vehicles of the fleet file that the book does not know yet are enrolled, at every start. `holds`: the URL of the
    store that decides about bays where several hubs share hospitals; its own log does where there is none. `store`: the
    URL of the database that keeps the book, the badges and the answers of this hub and of all others that name it;
    files in its folder do where there is none. `bus`: how these hubs talk (casebook/bus); a hub of files needs none.
    """
    file = find_region(region)
    if file is None:
        raise RefusedInput("no_region", name=region)
    known = load_region(file)
    seal = seal_of(folder)
    where = store or str(folder / "book.sqlite")
    log = open_log(where, sign=seal.sign, shared=True, lasting=not drill)
    ledger, disk = LedgerNow(), disk_seal()
    carrying = Carrying(folder / CARRIED, seal, disk, ledger)
    carried = carrying.find(log)
    book, found = open_book(log, clock, seal, drill=drill, hear=carrying.hear, carried=carried)
    first = [*known.enrolments(), *(read_facts(facts) if facts else [])]
    vehicles = load_fleet(fleet) if fleet else []
    # Two books begun alike in the same millisecond are still two: what is said of a book by its first hash is its own.
    await book.write(lambda picture: [] if picture.seq else first, DESK, asked=f"begun {secrets.token_hex(16)}")
    await book.write(lambda picture: [one for one in vehicles if one.unit not in picture.units], DESK)
    if holds:
        book.holds = SharedHolds(await open_holds(holds), next(book.log.read()).hash[:HUB_NAME])
    roadmap = await asyncio.to_thread(load_region_roads, known)
    room = DispatchRoom(book, clock, roadmap, area_of(known, book.picture.units, None if drill else clock.now().date()))
    if isinstance(log, PostgresLog):
        gate, answers, in_step = join(folder, book, log, seal.signer[:HUB_NAME], bus)
    else:
        gate, answers, in_step = Gate(folder / "badges.json"), Answers(clock, folder / "answers.sqlite"), None
    ward, waves = HospitalRoom(book, clock, Stills(folder / "stills", disk)), folder / "waves"
    hub = Hub(book, gate, room, ward, drill=drill, answers=answers, in_step=in_step, waves=waves, ledger=ledger)
    hub.health.standing += found
    add_carrying(hub, carrying, carried, lambda: open_log(where, make=False))
    add_routes(hub, roadmap)
    add_recording(hub, folder, disk)
    add_files(hub, folder, disk)
    add_uplinks(hub)
    add_thumbnails(hub.app, gate)
    return hub, Links(folder / "links.json", gate).issue(book.picture.hospitals, book.picture.units)


def join(folder: Path, book: Book, log: PostgresLog, name: str, bus: str) -> tuple[Gate, Answers, InStep]:
    """What a hub has together with the others of its store. `name`: the same at every start of this one."""
    make_shared_tables(log)
    gate = SharedGate(log, folder / "badges.json")
    live = open_bus(bus, next(log.read()).hash[:HUB_NAME], shared=True)
    return gate, Answers(book.clock, shelf=SharedAnswers(log)), InStep(book, Peers(log, name), gate, live)


def write_enrolments(folder: Path, hub: Hub, links: dict[str, str], url: str, authority: Path | None) -> list[Path]:
    """One enrolment file per vehicle in the hub's folder, to be carried to the vehicle; gives those that were made."""
    files = {
        folder / "enrolment" / f"{unit.id}.json": unit
        for unit in hub.book.picture.units.values()
        if f"unit:{unit.id}" in links  # else enrolled by another hub since this one began: it has the token
    }
    missing = {file: unit for file, unit in files.items() if not file.exists()}
    if not missing:
        return []

    from aboard.unit import UnitSettings, save_settings  # the whole vehicle, which a hub that comes back does not need

    others = tuple(one for one in hub.addresses() if one != url)
    for file, unit in missing.items():
        settings = UnitSettings(
            unit=unit.id, hub=url, token=links[f"unit:{unit.id}"], folder=f"aboard-{unit.id}", lat=unit.base.lat,
            lon=unit.base.lon, hubs=others, authority=str(authority) if authority else "",
        )  # fmt: skip
        save_settings(file, settings)
    return list(missing)


def load_region_roads(region: Region) -> Any:
    return load_roads(
        region.roads, name=region.name_en, attribution=region.attribution, accuracy_m=region.accuracy_m,
        country=region.country,
    )  # fmt: skip


def read_facts(file: Path) -> list[e.Event]:
    """First facts as [[kind, body], ...]."""
    return [e.decode(kind, body) for kind, body in msgspec.json.decode(file.read_bytes())]
