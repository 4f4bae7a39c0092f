"""A folder of images with its labels, annotations and history. No Qt, no torch."""
