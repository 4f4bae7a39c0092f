"""Crops of annotations for the contact sheet: cut from images, and kept on disk within a budget."""
