"""Pure values and rules: numpy, shapely, contourpy and OpenCV's rasteriser. No Qt, torch or files."""
