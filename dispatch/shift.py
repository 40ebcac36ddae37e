"""What a console still tells: every incident on which somebody works, and what ended within the last shift. Pure.

The book keeps all of it, and so do its reports; a screen that told every case of a book that runs for days would open
ever more slowly.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from casebook.folding.changing import over_since
from casebook.picture import Picture, changed
from casebook.steps import Affair, Task

SHIFT = timedelta(hours=12)  # our own choice: who comes on duty sees what the shift before has ended


def of_the_shift(picture: Picture, now: datetime) -> Picture:
    """The picture without the incidents that ended more than a shift ago, their casualties and their tasks; the same
    picture where there are none.

    An incident goes as a whole, so that its totals add up for as long as they are told: when every casualty of it has
    been over for so long, or none was ever found and it is closed, no vehicle is on its mission, and nothing is left to
    do.
    """
    since = now - SHIFT
    stay = {unit.incident for unit in picture.units.values() if unit.incident is not None}
    stay |= {task.incident for task in picture.tasks.values() if task.stage in (Task.OPEN, Task.ESCALATED)}
    found: set[str] = set()
    for one in picture.casualties.values():
        found.add(one.incident)
        over_at = over_since(one)
        if over_at is None or over_at > since:
            stay.add(one.incident)
    gone = {
        id
        for id, one in picture.incidents.items()
        if id not in stay and one.received_at <= since and (id in found or one.stage is Affair.CLOSED)
    }
    if not gone:
        return picture
    return changed(
        picture,
        incidents={id: one for id, one in picture.incidents.items() if id not in gone},
        casualties={id: one for id, one in picture.casualties.items() if one.incident not in gone},
        tasks={id: one for id, one in picture.tasks.items() if one.incident not in gone},
    )
