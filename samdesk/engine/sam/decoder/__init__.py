"""SAM's mask decoder for inference."""
