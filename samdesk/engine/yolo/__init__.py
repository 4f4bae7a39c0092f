"""Ultralytics YOLO models as detectors."""
