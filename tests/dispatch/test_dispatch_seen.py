"""What one case saw of a picture's hospitals serves the next, and no longer than it is true of that one, too."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from test_dispatch_destination import NOW, POLICY, SEVERE, hospital

from casebook.capacity import AGE_LIMIT_S, Hold, resource_table
from dispatch.destination import Case
from dispatch.needs import rows_for
from dispatch.ranking import World, room_for

ONES = {one.id: one for one in (hospital("near", free=2), hospital("far", free=1), hospital("full", free=0))}


def seen(case: Case, id: str, now: datetime = NOW, holds: tuple[Hold, ...] = (), hospitals=ONES):
    world = World(case, (), hospitals, holds, now, POLICY, resource_table())
    room = room_for(world, rows_for(case, POLICY, now))
    room.see_all()
    return room.seen(id)


def test_the_next_case_of_a_kind_is_given_what_the_one_before_saw():
    assert seen(replace(SEVERE, casualty="next"), "near") is seen(SEVERE, "near")


def test_a_count_that_grows_too_old_is_unknown_to_the_next_case_and_known_to_one_decided_as_of_before():
    limit_s = AGE_LIMIT_S["resus_bay"]
    assert seen(SEVERE, "near").free == 2
    assert seen(SEVERE, "near", NOW + timedelta(seconds=limit_s)).free is None
    assert seen(SEVERE, "near", NOW + timedelta(seconds=limit_s - 60)).free == 2  # it was a minute old


def test_a_hold_or_a_refusal_counts_for_the_case_that_it_concerns_alone():
    held = Hold("near", "resus_bay", 0, "another", NOW + timedelta(hours=1))
    refused = replace(SEVERE, refused_by=("far",))
    assert seen(SEVERE, "near", holds=(held,)).free == 1
    assert [reason.code for reason in seen(refused, "far").bars] == ["refused"]
    assert (seen(SEVERE, "near").free, seen(SEVERE, "far").bars) == (2, ())


def test_a_new_count_is_seen_by_the_next_case():
    assert seen(SEVERE, "far").free == 1
    assert seen(SEVERE, "far", hospitals=ONES | {"far": hospital("far", free=3)}).free == 3


def test_how_old_the_count_of_a_full_room_is_is_told_anew():
    ages_s = [seen(SEVERE, "full", NOW + timedelta(seconds=s)).bars[0].facts["age_s"] for s in (0, 30)]
    assert ages_s == [60, 90]
