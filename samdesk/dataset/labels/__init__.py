"""The label files of a dataset and the file with its class names."""
