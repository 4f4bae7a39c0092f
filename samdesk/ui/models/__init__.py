"""Choosing, downloading and describing the model in use."""
