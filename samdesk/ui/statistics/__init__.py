"""Statistics of a dataset, as charts whose bars are searches."""
