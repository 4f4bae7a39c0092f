"""Opening folders, navigating between images, and label file conflicts."""
