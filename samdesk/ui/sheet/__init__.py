"""The contact sheet: crops of the annotations found in a grid, to decide about many at once."""
