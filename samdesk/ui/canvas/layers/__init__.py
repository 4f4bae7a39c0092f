"""Cached layers of the canvas: the image, and the annotations that no tool is dragging."""
