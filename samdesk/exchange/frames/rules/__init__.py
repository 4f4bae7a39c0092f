"""Which frames of a video become images."""
