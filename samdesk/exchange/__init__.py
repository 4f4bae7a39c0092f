"""Import, export, splits and checks of datasets."""
