"""Clinical scores and triage, driven by dated tables: `score(name, inputs)` gives a result that can be recomputed.

A missing or untestable input gives no total and a list of what is missing; nothing is clamped, guessed or assumed
normal. Which table decided stands in every result. Nothing here replaces a local medical director's sign-off.
"""

from casebook.scores.due import due_again
from casebook.scores.engine import ScoreResult, score, score_vitals, stale_inputs
from casebook.scores.table import Table, get_table, list_scores

__all__ = ["ScoreResult", "Table", "due_again", "get_table", "list_scores", "score", "score_vitals", "stale_inputs"]
