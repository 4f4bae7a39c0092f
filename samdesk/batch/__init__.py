"""Auto-annotate and other work over many images. No Qt."""
