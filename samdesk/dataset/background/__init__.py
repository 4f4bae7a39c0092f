"""What a dataset does between other work, a bounded part at a time."""
