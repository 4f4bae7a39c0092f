"""Open vocabulary: what a prompted detector looks for, and the vectors it is prompted with."""
