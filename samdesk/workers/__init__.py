"""Threads. QtCore only."""
