"""Runs the steps of the demo on the real window with real events."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import perf_counter

from PySide6.QtCore import QEventLoop, Qt, QTimer
from PySide6.QtGui import QPixmap
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from samdesk.app import Desk
from samdesk.demo.input_driver import InputDriver
from samdesk.demo.report import DemoStep, StepOutcome

TIMEOUT_S = 60.0


class StepFailed(Exception):  # noqa: N818
    """Raised when a step does not give the expected result; the text names what was expected."""


class StepSkipped(Exception):  # noqa: N818
    """Raised when a step cannot run on this machine; the text gives the reason."""


class StepRunner:
    """Runs steps on a window, measures their duration and saves screenshots."""

    def __init__(self, desk: Desk, out: Path) -> None:
        self.desk = desk
        self.input = InputDriver(desk.view.canvas)
        self.steps: list[DemoStep] = []
        self._out = out

    def run(self, name: str, action: Callable[[], str]) -> None:
        """Runs one step and appends its result to ``steps``; an exception makes it a failed step."""
        started = perf_counter()
        try:
            outcome, detail = StepOutcome.DONE, action()
        except StepSkipped as reason:
            outcome, detail = StepOutcome.SKIPPED, str(reason)
        except Exception as error:  # noqa: BLE001 - the report names whatever went wrong
            outcome, detail = StepOutcome.FAILED, f"{type(error).__name__}: {error}"
            self.screenshot(f"failed-{len(self.steps) + 1:02d}")
        self.steps.append(DemoStep(name, outcome, detail, (perf_counter() - started) * 1e3))

    def wait(self, what: str, holds: Callable[[], bool], seconds: float = TIMEOUT_S) -> None:
        """Processes events until ``holds()`` is true.

        Raises:
            StepFailed: It is not true after ``seconds``.
        """
        end = perf_counter() + seconds
        while not holds():
            if perf_counter() > end:
                raise StepFailed(f"waited {seconds:.0f} s for {what}")
            loop = QEventLoop()
            QTimer.singleShot(5, loop.quit)
            loop.exec()

    def check(self, what: str, holds: bool) -> None:
        """Raises ``StepFailed`` with the text ``what`` unless ``holds``."""
        if not holds:
            raise StepFailed(what)

    def key(self, key: Qt.Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        """Presses and releases a key in the widget with the keyboard focus, else on the canvas."""
        if QApplication.activeWindow() is None:  # a dialog closed; a window manager would activate the window
            self.desk.view.window.activateWindow()
            self.desk.view.canvas.setFocus()
            self.wait("the window to be active", self.desk.view.window.isActiveWindow)
        QTest.keyClick(QApplication.focusWidget() or self.desk.view.canvas, key, modifiers)

    def click(self, widget: QWidget) -> None:
        """Clicks the centre of a widget."""
        QTest.mouseClick(widget, Qt.MouseButton.LeftButton)

    def type(self, widget: QWidget, text: str) -> None:
        """Types text and Return into a field."""
        widget.setFocus()
        QTest.keyClicks(widget, text)
        QTest.keyClick(widget, Qt.Key.Key_Return)

    def screenshot(self, name: str, widget: QWidget | None = None) -> Path:
        """Saves a screenshot of a widget, by default the window, as ``name.png`` and returns its path."""
        self.desk.view.canvas.settle()
        QApplication.processEvents()
        pixmap: QPixmap = (widget or self.desk.view.window).grab()
        path = self._out / f"{name}.png"
        pixmap.save(str(path))
        return path
