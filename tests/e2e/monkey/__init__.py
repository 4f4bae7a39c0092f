"""A seeded random user of the real window: ``python -m tests.e2e.monkey --seed 7 --events 1500``."""
