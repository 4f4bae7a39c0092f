"""Work on many images, in several processes."""
