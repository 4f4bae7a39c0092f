"""Image files: reading, scanning, caching and identifying them. No Qt, no torch."""
