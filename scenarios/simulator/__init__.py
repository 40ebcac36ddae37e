"""The whole of Aboard in one process on virtual time, with a network, disks and crashes that a seed decides.

The same seed gives the same history, to the letter. What must hold is judged by `checker`; how it is used: README.md.
"""
