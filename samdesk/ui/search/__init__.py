"""Finding images and annotations: the search field, what was found, saved searches."""
