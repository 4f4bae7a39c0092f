"""Measuring predictors and detectors against known instances."""
