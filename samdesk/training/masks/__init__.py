"""Training Flint's prompt head."""
