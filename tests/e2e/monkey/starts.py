"""``python -m tests.e2e.monkey.starts``: starts samdesk again and again, painting while the model loads."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path


def main() -> int:
    """Returns 1 if a start has not ended by itself with exit code 0."""
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.monkey.starts", description=__doc__)
    parser.add_argument("--starts", type=int, default=100, help="How many.")
    parser.add_argument("--one", type=Path, help="Start once, over this folder, in this process.")
    options = parser.parse_args()
    if options.one is not None:
        start(options.one)
        return 0
    codes: Counter[int] = Counter()
    with tempfile.TemporaryDirectory(prefix="samdesk-starts-") as home:
        environment = {**os.environ, "SAMDESK_HOME": home, "YOLO_CONFIG_DIR": f"{home}/ultralytics"}
        environment.setdefault("QT_QPA_PLATFORM", "offscreen")
        command = [sys.executable, "-m", "tests.e2e.monkey.starts", "--one", f"{home}/images"]
        for _ in range(options.starts):
            codes[subprocess.run(command, env=environment, capture_output=True, check=False).returncode] += 1
    print(f"{options.starts} starts, exit codes {dict(codes)}")
    return 0 if set(codes) == {0} else 1


def start(folder: Path) -> None:
    """Opens the window, zooms and pans until the first model has been loaded, and closes it."""
    from PySide6.QtWidgets import QApplication

    from samdesk.app import build, make_application
    from samdesk.demo.input_driver import InputDriver
    from tests.helpers.make import photo

    if not folder.exists():
        photo(folder / "0.png", 800, 600)
    application: QApplication = make_application()
    desk = build(application)
    desk.view.window.resize(1000, 700)
    desk.start([folder])
    mouse, turn, painted = InputDriver(desk.view.canvas), 0, 0
    while desk.flows.models.info is None:
        application.processEvents()
        if desk.session.model.document is not None:
            turn += 1
            mouse.wheel(400 + turn % 50, 300, 1 if turn % 8 < 4 else -1)
            desk.view.canvas.grab()
            painted += 1
    assert painted, "the model was loaded before anything was painted"
    desk.close_without_waiting()


if __name__ == "__main__":
    sys.exit(main())
