"""Keep the last few answers with what they stood on, so that one request is not thought through twice.

An answer is found again only where all that it stood on is the same: the same object, the same word, the same instant.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime
from typing import Any, Generic, TypeVar

KEPT = 64  # answers; more than a desk works on at one time, few enough to be no memory
Answer = TypeVar("Answer")


class Recent(Generic[Answer]):
    """One answer per name, the oldest forgotten first. Threads may ask and keep at the same time."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._answers: OrderedDict[str, tuple[tuple[Any, ...], Answer]] = OrderedDict()

    def find(self, name: str, *stands_on: Any) -> Answer | None:
        """The answer kept under this name, if it stood on these things and in this order."""
        stood_on, answer = self._answers.get(name, ((), None))
        same = len(stood_on) == len(stands_on) and all(map(_is_same, stood_on, stands_on))
        return answer if same else None

    def keep(self, name: str, answer: Answer, *stands_on: Any) -> Answer:
        """The answer itself."""
        self._answers[name] = (stands_on, answer)
        while len(self._answers) > self._kept:
            self._answers.popitem(last=False)
        return answer


def _is_same(one: Any, other: Any) -> bool:
    """Words and instants by what they say; pictures and their parts, which nobody changes, by which one they are."""
    return one is other or (isinstance(one, str | datetime) and one == other)
