"""Review: one annotation at a time over the result of a search, the most doubtful first."""
