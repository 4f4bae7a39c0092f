"""The demo's stage: the real window, real events, and patience."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import perf_counter

from PySide6.QtCore import QEventLoop, Qt, QTimer
from PySide6.QtGui import QPixmap
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from samdesk.app import Desk
from samdesk.demo.input_driver import Hands
from samdesk.demo.report import Outcome, Step

PATIENCE_S = 60.0


class StepFailed(Exception):  # noqa: N818
    """A step did not show what it should; the text says what was missing."""


class Skip(Exception):  # noqa: N818
    """A step cannot be done on this machine; the text says why."""


class Stage:
    """Plays steps on a window, takes their time and their pictures."""

    def __init__(self, desk: Desk, out: Path) -> None:
        self.desk = desk
        self.hands = Hands(desk.view.canvas)
        self.steps: list[Step] = []
        self._out = out

    def play(self, name: str, act: Callable[[], str]) -> None:
        """Plays one step; a failure is noted and the play goes on."""
        started = perf_counter()
        try:
            outcome, detail = Outcome.DONE, act()
        except Skip as reason:
            outcome, detail = Outcome.SKIPPED, str(reason)
        except Exception as error:  # noqa: BLE001 - the report names whatever went wrong
            outcome, detail = Outcome.FAILED, f"{type(error).__name__}: {error}"
            self.picture(f"failed-{len(self.steps) + 1:02d}")
        self.steps.append(Step(name, outcome, detail, (perf_counter() - started) * 1e3))

    def wait(self, what: str, holds: Callable[[], bool], seconds: float = PATIENCE_S) -> None:
        """Lets the program work until something holds; ``StepFailed`` if it never does."""
        end = perf_counter() + seconds
        while not holds():
            if perf_counter() > end:
                raise StepFailed(f"waited {seconds:.0f} s for {what}")
            loop = QEventLoop()
            QTimer.singleShot(5, loop.quit)
            loop.exec()

    def check(self, what: str, holds: bool) -> None:
        """``StepFailed`` unless it holds."""
        if not holds:
            raise StepFailed(what)

    def key(self, key: Qt.Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        """Presses a key in the window that has the keyboard."""
        if QApplication.activeWindow() is None:  # a dialog was closed; a desktop would go back to the window
            self.desk.view.window.activateWindow()
            self.desk.view.canvas.setFocus()
            self.wait("the window to be active", self.desk.view.window.isActiveWindow)
        QTest.keyClick(QApplication.focusWidget() or self.desk.view.canvas, key, modifiers)

    def click(self, widget: QWidget) -> None:
        """Clicks a widget of the window."""
        QTest.mouseClick(widget, Qt.MouseButton.LeftButton)

    def type(self, widget: QWidget, text: str) -> None:
        """Types a line into a field."""
        widget.setFocus()
        QTest.keyClicks(widget, text)
        QTest.keyClick(widget, Qt.Key.Key_Return)

    def picture(self, name: str, widget: QWidget | None = None) -> Path:
        """Saves what the window shows."""
        self.desk.view.canvas.settle()
        QApplication.processEvents()
        picture: QPixmap = (widget or self.desk.view.window).grab()
        path = self._out / f"{name}.png"
        picture.save(str(path))
        return path
