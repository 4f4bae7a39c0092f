"""Where a batch run reads images from and writes annotations to."""
