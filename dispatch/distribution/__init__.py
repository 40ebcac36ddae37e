"""Share out many casualties over many hospitals and vehicles: who goes where, with what, in which order."""
