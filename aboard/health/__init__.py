"""How a hub tells that it is well: what it measures of itself, what is wrong by stated limits, and where that is read.

`pulse` measures, `judging` decides (pure), `metrics` and `doors` show, `dashboard` draws the same figures for Grafana.
No patient and no crew member is ever named here: vehicles, wards and counts only.
"""
