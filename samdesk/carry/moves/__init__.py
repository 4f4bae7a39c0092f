"""Moves: how the pixels of one image lie on another. One module for each method, one row in ``registry``."""
