"""Splits a dataset into images for training, validation and test."""
