"""The SQLite store of a dataset: schema, rows, edit log and serialization."""
