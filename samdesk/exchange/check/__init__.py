"""Checks what would harm a training, and mends what can be mended."""
