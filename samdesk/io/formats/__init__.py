"""One module a label format, one registry."""
