"""``python -m samdesk``."""

from samdesk.cli import main

if __name__ == "__main__":
    main()
