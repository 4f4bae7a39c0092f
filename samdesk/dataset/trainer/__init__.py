"""What the Ultralytics trainer makes of a dataset: the paths of data.yaml, and what it would not train on."""
