"""Which language the user of the command line reads."""

from __future__ import annotations

import os

from casebook.words import Language


def spoken() -> Language:
    """ABOARD_LANG (which ``--lang`` sets), else the terminal's locale; English where neither says Chinese."""
    asked = (os.environ.get(name) for name in ("ABOARD_LANG", "LC_ALL", "LC_MESSAGES", "LANG"))
    return "zh" if next(filter(None, asked), "").lower().startswith("zh") else "en"
