"""The vocabulary of scenarios is exactly what the desks and the tablets can be asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from casebook.asking import read_command
from casebook.book import Book
from casebook.clock import WallClock
from casebook.errors import RefusedInput
from casebook.log import MemoryLog
from dispatch.app import DispatchRoom
from dispatch.area import Area
from hospital_board.app import HospitalRoom
from routing.roads import load_roads
from scenarios.vocabulary import all_asks

ROAD = """<osm version='0.6'><node id="1" version="1" lat="31.0" lon="121.0"/>
<node id="2" version="1" lat="31.0" lon="121.1"/>
<way id="1" version="1"><nd ref="1"/><nd ref="2"/><tag k="highway" v="primary"/></way></osm>"""


def test_the_hub_answers_exactly_what_a_scenario_may_ask(tmp_path: Path):
    file = tmp_path / "one_road.osm"
    file.write_text(ROAD)
    roads = load_roads(file, name="one road", country="CN", cache=tmp_path)
    book = Book(MemoryLog(), WallClock())
    desks = DispatchRoom(book, book.clock, roads, Area()), HospitalRoom(book, book.clock)
    answered = {ask.name: ask.command for desk in desks for ask in desk.asks()}
    assert all_asks()["hub"] == answered


def test_a_tablet_can_be_asked_what_crews_do():
    tapped = {"acknowledge", "en_route", "triage", "findings", "board", "arrived", "sign_handover", "attach_monitor"}
    assert tapped <= set(all_asks()["crew"])


@pytest.mark.parametrize("where", ["crew", "hub"])
def test_every_command_refuses_a_field_that_it_does_not_have(where: str):
    for name, command in all_asks()[where].items():
        with pytest.raises(RefusedInput):
            read_command(b'{"no_such_field": 1}', command, name)
