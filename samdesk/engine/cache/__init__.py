"""Embeddings kept between uses: on the device, in host memory and on disk."""
