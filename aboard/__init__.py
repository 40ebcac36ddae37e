"""The front door: one command line, and the composition roots that know which adapter is real."""
