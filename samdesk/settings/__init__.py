"""The settings table and the file it is saved in."""
