"""``python -m aboard`` is ``aboard``."""

from aboard.cli import main

main()
