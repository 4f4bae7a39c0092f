"""The tools of the canvas: one module for each, and a row in ``registry``."""
