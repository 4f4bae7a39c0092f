"""The command line of models with an open vocabulary: what is to be found, and how well it is."""
