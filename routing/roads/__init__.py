"""Load, check and cache a road network; networkx and osmnx in and out. Times on it: routing/ground.py."""

from routing.roads.loading import load_roads, save_roads
from routing.roads.network import LoadReport, Network
from routing.roads.roadmap import Roadmap
from routing.roads.snapping import Snap

__all__ = ["LoadReport", "Network", "Roadmap", "Snap", "load_roads", "save_roads"]
