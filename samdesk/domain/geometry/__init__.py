"""Regions and rasters in image pixels: types, operations, contours, outlines and views."""
