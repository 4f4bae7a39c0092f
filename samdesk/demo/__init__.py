"""The demo: two sample images to try the whole workflow on, interactively or headless."""
