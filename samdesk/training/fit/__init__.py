"""Training a segmentation model of Ultralytics on a dataset, with Ultralytics' own trainer."""
