"""Worker threads and processes, and the clients that the main thread uses them through. QtCore only."""
