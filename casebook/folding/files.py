"""How the fact of a file changes the picture."""

from __future__ import annotations

from casebook import events as e
from casebook.errors import IllegalStep
from casebook.folding.changing import change_casualty
from casebook.picture import Occasion, Picture, folds, with_one


@folds(e.FileReceived)
def _received(picture: Picture, event: e.FileReceived, occasion: Occasion) -> Picture:
    before = picture.get_casualty(event.casualty).files
    if event.sha256 in before:
        raise IllegalStep(what=event.name, entity="file", id=event.sha256[:12], stage="received")
    files = with_one(before, event.sha256, (occasion.at, event))
    return change_casualty(picture, event.casualty, files=files)
