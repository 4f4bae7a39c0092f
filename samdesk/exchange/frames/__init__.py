"""The frames of a video as a folder of images."""
