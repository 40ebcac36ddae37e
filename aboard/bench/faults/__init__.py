"""Break real hubs and vehicles in every way of the fault table, and count what of what was promised is still there.

`ledger` keeps what clients were told and compares it with the log; `stage`, `crews` and `desks` are the hub, its
vehicles and its screens; the other modules are the faults, told of in `table`; `running` plays them, `page` writes
docs/RELIABILITY.md.
"""
