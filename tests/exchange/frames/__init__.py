"""The frames of a video as images."""
