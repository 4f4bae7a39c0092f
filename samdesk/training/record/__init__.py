"""The taught weights of a dataset on disk, and which of them are in use."""
