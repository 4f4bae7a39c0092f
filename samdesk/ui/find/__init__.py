"""Find more like these: a run whose classes are the labels of selected objects."""
