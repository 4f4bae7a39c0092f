"""``python -m samdesk``."""

from samdesk.cli.main import main

if __name__ == "__main__":
    main()
