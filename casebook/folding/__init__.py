"""How each fact changes the picture: one short folder per fact, in the order a case is lived.

The modules register themselves with casebook/picture.py. Which steps are allowed is in casebook/steps.py.
"""

from casebook.folding import casualties, destination, files, guidance, incident, receiving, recordings, roads, units

__all__ = ["casualties", "destination", "files", "guidance", "incident", "receiving", "recordings", "roads", "units"]
