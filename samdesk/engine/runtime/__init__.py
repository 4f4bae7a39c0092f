"""Devices, precision, kernels, and importing torch beside a running window."""
