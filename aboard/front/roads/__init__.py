"""``aboard roads``: road maps (build, info, fetch) and answers (route, table, reach, coverage) on the command line.

Reads the options, asks the routing room, prints. Each command imports what it needs when it is called. The same
answers over HTTP are the hub's own (aboard/hub_routes.py).
"""

from aboard.front.roads import answers, coverage, maps, traffic  # noqa: F401 - each adds its commands
from aboard.front.roads.options import app

__all__ = ["app"]
