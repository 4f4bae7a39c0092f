"""What the frozen app starts."""

from __future__ import annotations

from multiprocessing import freeze_support

from samdesk.cli.main import main

if __name__ == "__main__":
    freeze_support()  # a helper process of multiprocessing starts this program again
    main()
