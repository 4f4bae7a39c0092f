"""Evaluates predictors and detectors on images with known instances."""
