"""Cached layers of the canvas: the image and the resting annotations."""
