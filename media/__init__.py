"""Pictures, sound and waveforms in real time."""
