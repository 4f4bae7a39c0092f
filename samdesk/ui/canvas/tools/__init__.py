"""One canvas gesture a module."""
