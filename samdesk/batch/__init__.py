"""Jobs over many images: auto-annotate, and filling the embedding cache. No Qt."""
