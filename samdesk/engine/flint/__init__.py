"""Flint, the engine in the box: a small promptable network on YOLO11n features."""
