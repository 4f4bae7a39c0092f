"""HelpController: settings, shortcuts, diagnostics and the other dialogs about the program itself."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject

from samdesk.settings.table import THEME, Settings
from samdesk.ui.commands.actions import Actions
from samdesk.ui.kit.theme import Theme
from samdesk.ui.shell.dialogs.about import AboutDialog
from samdesk.ui.shell.dialogs.diagnostics import DiagnosticsDialog
from samdesk.ui.shell.dialogs.settings import SettingsDialog
from samdesk.ui.shell.dialogs.shortcut_sheet import ShortcutSheet
from samdesk.ui.shell.dialogs.shortcuts import ShortcutsDialog
from samdesk.ui.shell.main_window import MainWindow
from samdesk.workers.job import Job


class HelpController(QObject):
    """Opens the dialogs about the program itself."""

    def __init__(
        self,
        actions: Actions,
        settings: Settings,
        theme: Theme,
        window: MainWindow,
        diagnose: Callable[[], str],
    ) -> None:
        super().__init__(window)
        self._actions, self._settings, self._theme, self._window = actions, settings, theme, window
        self._diagnose = diagnose
        self._job: Job | None = None

    def settings(self) -> None:
        """Opens the settings dialog."""
        SettingsDialog(self._settings, self._window).open()

    def edit_shortcuts(self) -> None:
        """Opens the shortcut editor."""
        ShortcutsDialog(self._actions, self._window).open()

    def shortcut_sheet(self) -> None:
        """Opens the shortcut sheet."""
        ShortcutSheet(self._actions, self._window).open()

    def about(self) -> None:
        """Opens the About dialog."""
        AboutDialog(self._window).open()

    def toggle_theme(self) -> None:
        """Switches between the light and the dark theme and saves the choice."""
        self._settings.set(THEME, self._theme.toggle())

    def diagnostics(self) -> None:
        """Opens the diagnostics and runs them in a thread."""
        dialog = DiagnosticsDialog(parent=self._window)
        dialog.rerun_requested.connect(lambda: self._run(dialog))
        dialog.open()
        self._run(dialog)

    def stop(self) -> None:
        """Waits for diagnostics that are still running."""
        if self._job is not None:
            self._job.wait()

    def _run(self, dialog: DiagnosticsDialog) -> None:
        if self._job is not None and self._job.isRunning():
            return
        dialog.set_running()
        self._job = Job(self._diagnose, self)
        self._job.done.connect(dialog.set_text)
        self._job.failed.connect(dialog.set_text)
        self._job.start()
