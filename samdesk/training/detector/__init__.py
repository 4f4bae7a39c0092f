"""Training Flint's detector with the Ultralytics trainer."""
