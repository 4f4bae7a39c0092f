"""Measurements of the whole program, to be quoted with the machine they were made on."""
