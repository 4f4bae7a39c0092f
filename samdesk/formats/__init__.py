"""Label formats: one module each, listed in one registry. No Qt, no torch."""
