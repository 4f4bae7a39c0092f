"""Formats of label images: Pascal VOC's, and PNGs of masks."""
