"""The canvas: shows the image and its annotations, and passes events to the tools."""
