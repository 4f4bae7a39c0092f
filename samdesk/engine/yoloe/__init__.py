"""Ultralytics' YOLOE: detectors with an open vocabulary, prompted with words and with exemplars."""
