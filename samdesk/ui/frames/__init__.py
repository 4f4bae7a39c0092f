"""Open a video: its frames become a folder of images."""
