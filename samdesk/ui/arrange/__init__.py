"""Copy and paste, painting order, nudging, locking and solo of annotations."""
