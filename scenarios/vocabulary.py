"""Everything that can be asked in a drill, by who is asked: a vehicle's tablet, or the hub."""

from __future__ import annotations

from ambulance_unit import crew, crew_commands
from casebook.asking import Command
from dispatch import (
    assigning,
    choosing,
    closure_preview,
    closures,
    intake,
    media_keys,
    observed,
    overview,
    tasks,
    what_if,
)
from dispatch.distribution import planning, previewing
from hospital_board.app import ASKS as WARD_ASKS
from hospital_board.consult_stills import KeepStill
from scenarios.format import Asks

DISPATCH: dict[str, type[Command]] = {
    "report_call": intake.ReportCall,
    "link_agency": intake.LinkAgency,
    "judge_hoist_place": intake.JudgeHoistPlace,
    "close_incident": intake.CloseIncident,
    "rank_units": assigning.RankUnits,
    "assign_unit": assigning.AssignUnit,
    "order_standby": assigning.OrderStandby,
    "stand_down": assigning.StandDown,
    "open_task": tasks.OpenTask,
    "approve_task": tasks.ApproveTask,
    "refuse_task": tasks.RefuseTask,
    "finish_task": tasks.FinishTask,
    "propose_destination": choosing.ProposeDestination,
    "choose_destination": choosing.ChooseDestination,
    "close_road": closures.CloseRoad,
    "slow_road": closures.SlowRoad,
    "reopen_road": closures.ReopenRoad,
    "preview_closure": closure_preview.PreviewClosure,
    "find_stretch": closure_preview.FindStretch,
    "preview_distribution": previewing.PreviewDistribution,
    "propose_distribution": planning.ProposeDistribution,
    "accept_distribution": planning.AcceptDistribution,
    "refuse_distribution": planning.RefuseDistribution,
    "what_if": what_if.WhatIf,
    "region_overview": overview.RegionOverview,
    "report_traffic": observed.ReportTraffic,
    "accept_media_key": media_keys.AcceptMediaKey,
}


def all_asks() -> Asks:
    """Commands by name, for checking scenarios before anything runs."""
    tablet: dict[str, type[Command]] = {name: command for name, command, _ in crew.ASKS}
    tablet["attach_monitor"] = crew_commands.AttachMonitor
    ward: dict[str, type[Command]] = {name: row[0] for name, row in WARD_ASKS.items()}
    ward["keep_still"] = KeepStill
    return {"crew": tablet, "hub": ward | DISPATCH}
