"""Somebody at the console takes another way than the script: the drill follows, and ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from story_stage import CREW, A, inserted, play

from casebook.casualty import Stage
from routing.roads import Roadmap
from scenarios.format import Scenario, Step

pytestmark = pytest.mark.story

ELSEWHERE = {
    "casualty": "$A", "hospital": "jiashan_first", "mode": "road", "override_reason": "the helicopter is not trusted",
}  # fmt: skip


def test_a_dispatcher_who_sends_the_severe_casualty_elsewhere_is_followed_to_the_end(g60: Scenario, roads: Roadmap):
    proposed = {"fact": "destination_proposed", "casualty": "$A"}
    by_hand = Step(0, "dispatcher", after=proposed, plus_s=5, ask="choose_destination", command=ELSEWHERE)
    story = play(replace(inserted(g60, by_hand), lasts_s=2 * g60.lasts_s), roads)
    assert [one.body["option"]["hospital"] for one in story.all("destination_chosen", casualty=A)] == ["jiashan_first"]
    assert story.first("casualty_arrived", casualty=A).body["unit"] == CREW
    assert {one.body["hospital"] for one in story.all("handover_completed", casualty=A)} == {"jiashan_first"}
    assert {one.stage for one in story.picture().casualties.values()} == {Stage.HANDED_OVER}
    assert [(one.step.who, one.step.ask, one.error) for one in story.played if one.error] == []
    ended_at = max(entry.at for entry in story.entries)
    assert ended_at - g60.starts_at < timedelta(seconds=g60.lasts_s), "it waited for what can never come"
