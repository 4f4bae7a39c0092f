"""Image files: reading, listing, caching and identifying them. No Qt, no torch."""
