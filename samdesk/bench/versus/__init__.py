"""samdesk beside Ultralytics' own predictor: the same weights, the same photos, by turns in one process."""
