"""Who goes where; the dispatcher console."""
