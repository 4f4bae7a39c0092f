"""Files to domain values and back. No Qt, no torch."""
