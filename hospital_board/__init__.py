"""The receiving end: capacity, readiness, handover, wall board."""
