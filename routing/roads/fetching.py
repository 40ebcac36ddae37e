"""Fetch the roads of a box from OpenStreetMap's Overpass service through osmnx, for users with internet.

Nothing else in Aboard leaves the machine. ABOARD_OVERPASS_URL names another Overpass server.
"""

from __future__ import annotations

import hashlib
import os
import socket
from urllib.parse import urlsplit

from casebook.errors import FeedLost, RefusedInput
from routing.roads.graphml import network_of
from routing.roads.loading import OSM_ATTRIBUTION, country_of
from routing.roads.network import COLUMNS
from routing.roads.osm import RULE_TAGS
from routing.roads.roadmap import Roadmap
from routing.roads.rules import BARRIER_TAGS, CAR_CLASSES

Box = tuple[float, float, float, float]  # west, south, east, north in WGS-84 degrees
REACH_S = 10.0  # how long the service may take to open a connection before it counts as out of reach
#: All classes that rules.py can use; osmnx's own "drive" filter drops ambulance-only ways and hospital drives.
FILTER = f'["highway"~"^({"|".join((*CAR_CLASSES, "busway"))})$"]["area"!~"yes"]'


def fetch_roads(box: Box, *, name: str = "fetched", country: str | None = None) -> Roadmap:
    """The roads inside the box, as they are in OpenStreetMap now.

    Raises RefusedInput `bad_field` for a box that is none, `roads_empty` when nothing is there; FeedLost
    `no_internet` when the service cannot be reached.
    """
    west, south, east, north = box
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        raise RefusedInput("bad_field", where="fetch", field="bbox", why=str(box))
    network, report = network_of(_graph(box))
    if network.arcs == 0:
        raise RefusedInput("roads_empty", file=name, ways=report.ways_read)
    content = hashlib.sha256(
        b"".join(a.tobytes() for a in (network.node_id, network.tail, network.head, network.way_id))
    )
    return Roadmap(
        network,
        report,
        name=name,
        digest=content.hexdigest(),
        attribution=OSM_ATTRIBUTION,
        country=country or country_of(network),
    )


def _graph(box: Box):
    import osmnx
    import requests

    settings = osmnx.settings
    settings.overpass_url = os.environ.get("ABOARD_OVERPASS_URL") or settings.overpass_url
    settings.useful_tags_way = sorted({*COLUMNS, *RULE_TAGS})
    settings.useful_tags_node = sorted({*settings.useful_tags_node, *BARRIER_TAGS})
    settings.all_oneway = True  # tags as they stand, each way once: the directions are ours to read (rules.py)
    settings.use_cache = False
    settings.doh_url_template = None  # no question to anybody but the map service
    _reach(settings.overpass_url)
    try:
        return osmnx.graph_from_bbox(box, simplify=False, retain_all=True, custom_filter=FILTER)
    except requests.RequestException as lost:
        raise FeedLost("no_internet", why=type(lost).__name__) from lost
    except ValueError as refused:  # osmnx's own refusals: nothing found, or an answer that is none
        raise FeedLost("no_internet", why=str(refused)) from refused


def _reach(url: str) -> None:
    """Knock once: osmnx would wait a minute for a server that is not there."""
    parts = urlsplit(url)
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        socket.create_connection((parts.hostname or "", port), timeout=REACH_S).close()
    except (OSError, ValueError) as lost:
        raise FeedLost("no_internet", why=str(lost)) from lost
