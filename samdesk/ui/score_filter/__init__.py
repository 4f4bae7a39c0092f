"""The score filter: a slider that hides pending annotations for their scores, and drops them."""
