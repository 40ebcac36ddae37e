"""The options that the words of ``aboard roads`` share, with their help in the user's language."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from aboard.front.language import spoken
from casebook.words import say

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)


def told(key: str, **facts: Any) -> str:
    """A sentence of the routing room in the user's language."""
    return say(f"routing.{key}", spoken(), **facts)


RoadFile = Annotated[Path, typer.Argument(metavar="FILE", help=told("help_in"))]
Country = Annotated[str | None, typer.Option("--country", metavar="CN", help=told("help_country"))]
ProfileName = Annotated[str | None, typer.Option("--profile", metavar="NAME", help=told("help_profile"))]
Siren = Annotated[bool, typer.Option("--siren", help=told("help_siren"))]
BusLanes = Annotated[bool | None, typer.Option("--bus-lanes/--no-bus-lanes", help=told("help_bus_lanes"))]
Gates = Annotated[bool | None, typer.Option("--gates/--no-gates", help=told("help_gates"))]
Contraflow = Annotated[float | None, typer.Option("--contraflow", metavar="M", help=told("help_contraflow"))]
Height = Annotated[float | None, typer.Option("--height", metavar="M", help=told("help_height"))]
Width = Annotated[float | None, typer.Option("--width", metavar="M", help=told("help_width"))]
Weight = Annotated[float | None, typer.Option("--weight", metavar="T", help=told("help_weight"))]
Close = Annotated[list[str] | None, typer.Option("--close", metavar="WHERE", help=told("help_close_where"))]
At = Annotated[str | None, typer.Option("--at", metavar="INSTANT", help=told("help_at"))]
EngineName = Annotated[str | None, typer.Option("--engine", metavar="NAME", help=told("help_engine"))]
AsJson = Annotated[bool, typer.Option("--json", help=told("help_json"))]
GeoJson = Annotated[Path | None, typer.Option("--geojson", metavar="FILE", help=told("help_geojson"))]
OutRoads = Annotated[Path, typer.Option("--out", metavar="FILE", help=told("help_out_roads"))]
MapName = Annotated[str | None, typer.Option("--name", help=told("help_name"))]
