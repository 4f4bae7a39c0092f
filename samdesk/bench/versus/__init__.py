"""Compares samdesk with Ultralytics' own predictor: same weights and images, interleaved in one process."""
