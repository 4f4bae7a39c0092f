"""General-purpose widgets and painting: theme, icons, fields, rows, messages."""
