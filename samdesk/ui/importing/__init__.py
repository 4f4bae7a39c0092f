"""The dialog that imports annotations."""
