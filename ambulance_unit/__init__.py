"""The vehicle: monitor, camera, position, outbox, tablet."""
