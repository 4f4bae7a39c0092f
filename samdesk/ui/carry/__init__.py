"""Carry objects to the next image: proposals, and the bar that says what became of each."""
