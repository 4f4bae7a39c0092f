"""The annotations of the open image: panel, tools and selection."""
