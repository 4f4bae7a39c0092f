"""Reading PyTorch checkpoints without running the code that a pickle can hold."""
