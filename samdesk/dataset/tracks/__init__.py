"""Tracks: the same object on several images."""
