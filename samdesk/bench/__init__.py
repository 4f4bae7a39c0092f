"""Benchmarks of the whole program; each result names the machine it was measured on."""
