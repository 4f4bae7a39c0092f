"""Widgets and drawing that know nothing of samdesk: theme, icons, fields, rows, messages."""
