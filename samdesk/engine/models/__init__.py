"""Models by name: the registry, weights on disk, downloads and loading."""
