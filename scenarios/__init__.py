"""Drills as files, the player, the after-action report."""
