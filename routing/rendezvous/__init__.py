"""Compare the ways to a hospital's door: by road, by air from the scene, or both with a rendezvous between.

`compare` looks at one hospital and keeps every plan and refusal; `search` finds the winners among many hospitals fast.
"""

from routing.rendezvous.comparing import compare
from routing.rendezvous.driving import drive_times
from routing.rendezvous.landings import Door, Landings
from routing.rendezvous.plan import MODES, OPTIONS, Clocks, Comparison, Mode, Option, Plan, Refusal
from routing.rendezvous.question import CarryOn, Question
from routing.rendezvous.search import Found, search

__all__ = [
    "MODES",
    "OPTIONS",
    "CarryOn",
    "Clocks",
    "Comparison",
    "Door",
    "Found",
    "Landings",
    "Mode",
    "Option",
    "Plan",
    "Question",
    "Refusal",
    "compare",
    "drive_times",
    "search",
]
