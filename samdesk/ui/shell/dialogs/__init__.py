"""Dialogs: settings, keyboard shortcuts, shortcut sheet, diagnostics, about."""
