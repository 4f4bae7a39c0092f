"""Training Flint, and teaching it what a user has labelled."""
