"""Flint, the built-in model: a small promptable segmentation network on YOLO11n features."""
