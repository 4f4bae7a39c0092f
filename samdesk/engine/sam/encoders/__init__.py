"""Image encoders for inference, one module each."""
