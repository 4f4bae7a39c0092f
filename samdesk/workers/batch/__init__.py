"""The auto-annotate thread: its client on the main thread, and the jobs it runs."""
