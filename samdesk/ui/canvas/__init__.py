"""The canvas: photo, annotations, tools."""
