"""Facts folded onto a picture one after the other; samples, of which there are most, are folded together.

A commit of a fleet's rows brings hundreds of samples: each by itself would copy the map of all casualties. They are
gathered by casualty instead, and the picture is made when somebody looks at it. What it is then is what folding one by
one would have made; what a sample changes is casebook/folding/casualties.py's, what is kept of it trend.py's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from casebook import events as e
from casebook.drafting import occasion_of
from casebook.folding.casualties import with_samples_taken
from casebook.log import Entry
from casebook.picture import CasualtyState, Occasion, Picture, Sample, changed, fold
from casebook.vitals import refuse_impossible_sample

SAMPLE = e.VitalsRecorded.name


@dataclass(slots=True)
class _Stream:
    state: CasualtyState
    samples: list[Sample] = field(default_factory=list[Sample])


class Course:
    """Of one picture; `seq` is the last fact's number."""

    def __init__(self, picture: Picture) -> None:
        self._picture = picture
        self._streams: dict[str, _Stream] = {}
        self.seq = picture.seq

    def fold(self, fact: e.Event, occasion: Occasion) -> None:
        """One more fact. Raises what `fold` raises, and then nothing has changed."""
        self._picture = fold(self.picture, fact, occasion)
        self.seq = occasion.seq

    def read(self, entry: Entry) -> None:
        """One more entry of a log, in today's words. Raises what `decode` and `fold` raise."""
        body, source = entry.body, entry.source
        if entry.kind == SAMPLE and len(body) == 3:
            casualty, unit = body.get("casualty"), body.get("unit")
            if type(casualty) is str and type(unit) is str and type(body.get("vitals")) is dict:
                epoch, row = (source.epoch, source.seq) if source is not None else ("", 0)
                self.take(casualty, unit, body["vitals"], entry.at, epoch, row)
                return
        self.fold(e.decode(entry.kind, body), occasion_of(entry))

    def take(self, casualty: str, unit: str, vitals: Mapping[str, Any], at: datetime, epoch: str, row: int) -> None:
        """One more VitalsRecorded, as the vehicle's row of that epoch and number told it. Raises as `fold` does."""
        stream = self._streams.get(casualty)
        state = self._picture.get_casualty(casualty) if stream is None else stream.state
        refuse_impossible_sample(vitals)
        if stream is None:
            stream = self._streams[casualty] = _Stream(state)
        stream.samples.append(Sample(at, vitals, unit, epoch, row))
        self.seq += 1

    @property
    def picture(self) -> Picture:
        """With everything so far."""
        if self._streams:
            told = {id: with_samples_taken(one.state, one.samples) for id, one in self._streams.items()}
            self._streams = {}
            self._picture = changed(self._picture, casualties={**self._picture.casualties, **told}, seq=self.seq)
        return self._picture
