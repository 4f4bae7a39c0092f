"""The kinds of requests that the inference thread serves, a module each, and their table."""
