"""The open document, its edits and the undo history."""
