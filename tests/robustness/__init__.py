"""samdesk where the machine is not as it should be: ``python -m tests.robustness`` (Linux, as root)."""
