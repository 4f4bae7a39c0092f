"""The demo: two photos to try the whole job on, by hand or driven by itself."""
