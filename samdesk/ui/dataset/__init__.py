"""Opening folders, going from image to image, and label file conflicts."""
