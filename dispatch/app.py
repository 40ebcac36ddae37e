"""The dispatch room: its asks, its console's view, and what it does by itself; the composition root plugs it in.

Decides nothing: each ask finds the function that does, and what follows is written in one batch.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from casebook import events as e
from casebook.access import Role
from casebook.asking import Ask, Asker, Command, Handler
from casebook.book import Book
from casebook.clock import Clock
from casebook.desks import Due
from casebook.live import PlainView
from casebook.log import Entry
from casebook.picture import Picture
from dispatch.area import Area
from dispatch.assigning import AssignUnit, OrderStandby, RankUnits, StandDown, order_standby
from dispatch.case_watch import CaseWatch
from dispatch.choosing import TO_HOSPITAL, ChooseDestination, ProposeDestination, holds_due, onward
from dispatch.closure_preview import FindStretch, PreviewClosure, find_stretch, preview_closure
from dispatch.closures import CloseRoad, ReopenRoad, SlowRoad, close_road, refuse_nowhere, reopen_road
from dispatch.console_parts import ConsoleParts
from dispatch.console_view import LOG_LINES, is_told
from dispatch.desk import Desk, onward_leg
from dispatch.distribution.planning import AcceptDistribution, PlanDesk, ProposeDistribution, RefuseDistribution
from dispatch.distribution.previewing import PreviewDistribution, preview_distribution
from dispatch.intake import CloseIncident, JudgeHoistPlace, LinkAgency, ReportCall, close_incident, take_call
from dispatch.journeys import traffic_of
from dispatch.media_keys import AcceptMediaKey, accept_media_key
from dispatch.observed import ReportTraffic, facts_of
from dispatch.overview import RegionOverview, overview_of
from dispatch.road_watch import RoadWatch
from dispatch.roads_drawn import roads_geojson
from dispatch.signs import SignsWatch
from dispatch.tasks import ApproveTask, FinishTask, OpenTask, RefuseTask, open_task, tasks_due
from dispatch.what_if import WhatIf, what_if
from routing.roads import Roadmap
from routing.traffic.batch import read_batch

CONSOLE = Path(__file__).parent / "console"  # the screen's folder, for casebook.screens.add_screen
DISPATCHER = (Role.DISPATCHER,)
LOG_BEHIND = 2000  # entries looked through at start for the activity log
Decide = Callable[[Picture, Any, Asker, datetime], Iterable[e.Event]]


class DispatchRoom:
    """Dispatch over one book and one road map. `threaded` False: think on the spot, for clocks that jump."""

    def __init__(self, book: Book, clock: Clock, roadmap: Roadmap, area: Area, *, threaded: bool = True) -> None:
        self._book, self._clock, self._area, self._roadmap = book, clock, area, roadmap
        self._policy, self._tasks = area.rules.destination, area.rules.tasks
        self._desk = Desk(book, clock, roadmap, area, threaded=threaded)
        self._watch = RoadWatch(self._desk, area.rules.rerouting)
        self._cases = CaseWatch(self._desk, area.rules.rerouting, self._watch.lock)
        self._signs = SignsWatch(area.rules.destination)
        self._plans = PlanDesk(self._desk)
        self._roads: bytes | None = None
        self._parts = ConsoleParts(area, roadmap)
        behind = book.log.read(max(0, book.picture.seq - LOG_BEHIND))
        self._lines: deque[Entry] = deque(filter(is_told, behind), LOG_LINES)
        book.listen(self._hear)

    def _hear(self, entries: Sequence[Entry]) -> None:
        self._lines.extend(filter(is_told, entries))
        self._cases.hear(entries)
        self._plans.hear(entries)

    # --- what a hub plugs in

    def asks(self) -> list[Ask]:
        plain: dict[str, tuple[type[Command], Decide]] = {
            "link_agency": (LinkAgency, lambda p, c, asker, at: [e.AgencyLinked(c.incident, c.agency, c.note)]),
            "close_incident": (CloseIncident, lambda p, c, asker, at: close_incident(p, c)),
            "judge_hoist_place": (
                JudgeHoistPlace,
                lambda p, c, asker, at: [e.HoistPlaceJudged(c.incident, c.clear)],
            ),
            "order_standby": (OrderStandby, lambda p, c, asker, at: order_standby(p, c, self._tasks)),
            "stand_down": (StandDown, lambda p, c, asker, at: [e.UnitStoodDown(c.unit, c.reason)]),
            "open_task": (OpenTask, self._open_task),
            "approve_task": (
                ApproveTask,
                lambda p, c, asker, at: [e.TaskApproved(c.task, c.approver or asker.badge.who)],
            ),
            "refuse_task": (
                RefuseTask,
                lambda p, c, asker, at: [e.TaskRefused(c.task, c.approver or asker.badge.who, c.reason)],
            ),
            "finish_task": (FinishTask, lambda p, c, asker, at: [e.TaskDone(c.task)]),
            "accept_media_key": (AcceptMediaKey, lambda p, c, asker, at: accept_media_key(p, c)),
        }
        asks = [Ask(name, kind, DISPATCHER, self._writing(decide)) for name, (kind, decide) in plain.items()]
        return [
            *asks,
            Ask("report_call", ReportCall, DISPATCHER, self._report_call),
            Ask("rank_units", RankUnits, DISPATCHER, self._rank_units),
            Ask("assign_unit", AssignUnit, DISPATCHER, self._desk.assign),
            Ask("propose_destination", ProposeDestination, DISPATCHER, self._propose),
            Ask("choose_destination", ChooseDestination, DISPATCHER, self._desk.choose),
            Ask("close_road", CloseRoad, DISPATCHER, self._close_road),
            Ask("slow_road", SlowRoad, DISPATCHER, self._close_road),
            Ask("report_traffic", ReportTraffic, DISPATCHER, self._report_traffic),
            Ask("reopen_road", ReopenRoad, DISPATCHER, self._reopen_road),
            Ask("preview_closure", PreviewClosure, DISPATCHER, self._preview_closure),
            Ask("preview_distribution", PreviewDistribution, DISPATCHER, self._preview_distribution),
            Ask("propose_distribution", ProposeDistribution, DISPATCHER, self._plans.propose),
            Ask("accept_distribution", AcceptDistribution, DISPATCHER, self._plans.accept),
            Ask("refuse_distribution", RefuseDistribution, DISPATCHER, self._plans.refuse),
            Ask("find_stretch", FindStretch, DISPATCHER, self._find_stretch),
            Ask("what_if", WhatIf, DISPATCHER, self._what_if),
            Ask("region_overview", RegionOverview, DISPATCHER, self._region_overview),
        ]

    async def react(self) -> None:
        """What needs thinking outside the book: propose for every crew that asked, follow whatever changed since."""
        await self._desk.answer_requests()
        await self._desk.follow_diversions()
        await self._watch.look()
        await self._cases.look()
        await self._plans.look()

    @property
    def owing(self) -> bool:
        """Whether `react` has more to do at once: somebody waits to be decided on again."""
        return self._cases.owing

    def due(self, picture: Picture, now: datetime) -> list[Due]:
        """What the desk must do by itself now. Looks at the picture only: asked twice, it is done once."""
        dues = [*tasks_due(picture, now, self._tasks), *holds_due(picture, now, self._policy)]
        dues += self._signs.due(picture)
        for aircraft, casualty in onward(picture):
            met_at = casualty.times.get("casualty_transferred") or casualty.times.get("casualty_boarded", now)
            leg = onward_leg(self._area, picture, aircraft.id, casualty.option.hospital, met_at)  # type: ignore[union-attr]
            if leg is not None:
                dues.append(Due(met_at, (e.LegGiven(aircraft.id, TO_HOSPITAL, leg),)))
        return dues

    def console_view(self, picture: Picture, now: datetime) -> PlainView:
        """The console's view, for a Feed; what has not changed since the last look are the same objects."""
        return self._parts.look(picture, now, self._lines)

    def roads_geojson(self) -> bytes:
        """The road network for the console's map; made once."""
        if self._roads is None:
            self._roads = roads_geojson(self._roadmap)
        return self._roads

    # --- asks

    def _writing(self, decide: Decide) -> Handler:
        async def handle(command: Any, asker: Asker) -> dict[str, Any]:
            at = self._desk.instant(asker)
            entries = await self._book.write(
                lambda picture: decide(picture, command, asker, at), asker.by, at, asker.key
            )
            return {"entries": [entry.seq for entry in entries]}

        return handle

    def _open_task(self, picture: Picture, command: OpenTask, asker: Asker, at: datetime) -> list[e.Event]:
        picture.get_incident(command.incident)
        task = open_task(
            picture, command.incident, command.kind, at, self._tasks, to=command.to, note=command.note,
            within_s=command.within_s,
        )  # fmt: skip
        return [task]

    async def _report_call(self, command: ReportCall, asker: Asker) -> dict[str, Any]:
        known = [*(one.place for one in self._book.picture.hospitals.values()), *self._area.places]
        write = self._writing(lambda picture, c, who, at: take_call(picture, c, at, known, self._tasks))
        answer = await write(command, asker) or {}
        first = next(self._book.log.read(answer["entries"][0] - 1))
        units = await self._desk.rank(first.body["incident"], self._desk.instant(asker))
        return answer | {"incident": first.body["incident"], "units": units}

    async def _rank_units(self, command: RankUnits, asker: Asker) -> dict[str, Any]:
        return {"units": await self._desk.rank(command.incident, self._desk.instant(asker))}

    async def _propose(self, command: ProposeDestination, asker: Asker) -> dict[str, Any]:
        entries = await self._desk.propose(command.casualty, self._desk.instant(asker), asker.by, asker.key)
        return {"entries": [entry.seq for entry in entries], "proposed": entries[0].kind == "destination_proposed"}

    async def _close_road(self, command: CloseRoad, asker: Asker) -> dict[str, Any] | None:
        at = self._desk.instant(asker)
        await self._desk.think(lambda: refuse_nowhere(command, at, self._roadmap))
        return await self._change_road(command, asker, lambda picture, c, who, at: close_road(picture, c))

    async def _reopen_road(self, command: ReopenRoad, asker: Asker) -> dict[str, Any] | None:
        return await self._change_road(command, asker, lambda picture, c, who, at: reopen_road(picture, c))

    async def _change_road(self, command: Command, asker: Asker, decide: Decide) -> dict[str, Any] | None:
        """The change, and at once what follows from it: other ways for vehicles, other answers for casualties."""
        asker = replace(asker, at=self._desk.instant(asker))
        async with self._watch.lock:
            answer = await self._writing(decide)(command, asker) or {}
            follows = await self._watch.changed(self._desk.instant(asker))
        return answer | {"follows": [entry.seq for entry in follows]}

    async def _preview_distribution(self, command: PreviewDistribution, asker: Asker) -> dict[str, Any]:
        picture, at = self._book.picture, self._desk.instant(asker)
        rules = self._area.rules.distribution
        return await self._desk.think(
            lambda: preview_distribution(command, picture, at, self._roadmap, rules, self._policy)
        )

    async def _preview_closure(self, command: PreviewClosure, asker: Asker) -> dict[str, Any]:
        picture, at = self._book.picture, self._desk.instant(asker)
        return await self._desk.think(lambda: preview_closure(command, picture, at, self._roadmap))

    async def _find_stretch(self, command: FindStretch, asker: Asker) -> dict[str, Any]:
        return await self._desk.think(lambda: find_stretch(command, self._roadmap))

    async def _what_if(self, command: WhatIf, asker: Asker) -> dict[str, Any]:
        picture, at = self._book.picture, self._desk.instant(asker)
        return await self._desk.think(lambda: what_if(command, picture, at, self._roadmap, self._area, self._policy))

    async def _region_overview(self, command: RegionOverview, asker: Asker) -> dict[str, Any]:
        return overview_of(self._book.picture, self._desk.instant(asker), arrival_in_min=command.arrival_in_min)

    async def _report_traffic(self, command: ReportTraffic, asker: Asker) -> dict[str, Any]:
        """What was taken and what was refused. A batch that is bad as a whole changes nothing."""
        at, raw = self._desk.instant(asker), command.rows.encode(errors="replace")
        asked = {"shape": command.shape, "source": command.source, "now": at, "whole": command.whole}
        known = traffic_of(self._book.picture)
        batch = await self._desk.think(lambda: read_batch(self._roadmap, known, raw, **asked))
        async with self._watch.lock:
            entries = await self._book.write(lambda newest: facts_of(newest, batch, at), asker.by, at, asker.key)
            follows = await self._watch.changed(at) if entries else []
        report = replace(batch.report, version=self._book.picture.roads_seq).as_facts()
        return {"entries": [one.seq for one in entries], "follows": [one.seq for one in follows], "report": report}
