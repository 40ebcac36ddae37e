"""Say a key in zh or en. Catalogues are flat JSON files, one per room and language, shared with the browser.

Unknown keys raise: a missing word is our bug and the tests find it; no screen ever shows a raw key.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, Literal

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")
_FOLDER = Path(__file__).parent


@cache
def catalogue(language: Language) -> dict[str, str]:
    """All words of one language: key -> sentence with ``{placeholders}``. A key may stand in one file only."""
    words: dict[str, str] = {}
    for file in sorted((_FOLDER / language).glob("*.json")):
        for key, sentence in json.loads(file.read_text(encoding="utf-8")).items():
            assert key not in words, f"{key} stands in two catalogues ({file.name})"
            words[key] = sentence
    return words


def say(key: str, language: Language = "en", **facts: Any) -> str:
    """The sentence for `key`, placeholders filled from `facts`. Raises KeyError for an unknown key."""
    return catalogue(language)[key].format_map(_Facts(facts))


class _Facts(dict[str, Any]):
    """A fact that is not known is said as "?" rather than failing while an error is being told."""

    def __missing__(self, name: str) -> str:
        return "?"
