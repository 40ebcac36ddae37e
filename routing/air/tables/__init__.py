"""Read the dated tables of figures and limits that the air model stands on; each row names its source.

What the rows mean is the business of the modules that ask for them.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent


@cache
def table(name: str) -> dict[str, Any]:
    """The table `name`.json of this folder, with its `as_of`."""
    return json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8"))
