"""How facts of guidance change the picture: marks in force, stills kept, tags tied."""

from __future__ import annotations

from casebook import events as e
from casebook.errors import IllegalStep
from casebook.folding.changing import change_casualty
from casebook.picture import GuidanceState, MarkState, Occasion, Picture, SnapshotState, changed, folds, with_one

NONE = GuidanceState()


@folds(e.MarkDrawn)
def _mark_drawn(picture: Picture, event: e.MarkDrawn, occasion: Occasion) -> Picture:
    picture.get_unit(event.unit)
    before = picture.get_casualty(event.casualty).guidance or NONE
    if event.number <= before.drawn:
        raise IllegalStep(what=event.name, entity="mark", id=event.mark, stage="drawn")
    marks = with_one(before.marks, event.mark, MarkState(occasion.at, event))
    return change_casualty(picture, event.casualty, guidance=changed(before, marks=marks, drawn=event.number))


@folds(e.MarksRemoved)
def _marks_removed(picture: Picture, event: e.MarksRemoved, occasion: Occasion) -> Picture:
    before = picture.get_casualty(event.casualty).guidance or NONE
    left = {id: mark for id, mark in before.marks.items() if id not in event.marks}
    return change_casualty(picture, event.casualty, guidance=changed(before, marks=left))


@folds(e.SnapshotTaken)
def _snapshot_taken(picture: Picture, event: e.SnapshotTaken, occasion: Occasion) -> Picture:
    before = picture.get_casualty(event.casualty).guidance or NONE
    stills = with_one(before.snapshots, event.snapshot, SnapshotState(occasion.at, event))
    return change_casualty(picture, event.casualty, guidance=changed(before, snapshots=stills))


@folds(e.TagTied)
def _tag_tied(picture: Picture, event: e.TagTied, occasion: Occasion) -> Picture:
    """A tag hangs on one casualty: tied anew, it has left the one before."""
    incident = picture.get_casualty(event.casualty).incident
    for other in picture.casualties.values():
        if other.tag == event.tag and other.incident == incident:
            picture = change_casualty(picture, other.id, tag=None)
    return change_casualty(picture, event.casualty, tag=event.tag)
