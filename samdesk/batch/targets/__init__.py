"""What a batch run reads from and writes to."""
