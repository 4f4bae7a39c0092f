"""The inference thread: the predictor, its embeddings and the prompts it answers."""
