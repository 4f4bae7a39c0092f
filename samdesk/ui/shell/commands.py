"""Commands of the program itself: settings, shortcuts, theme, help, quit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from samdesk.ui.commands.actions import Actions
from samdesk.ui.commands.table import Command, CommandTable

if TYPE_CHECKING:
    from samdesk.ui.shell.help import HelpController
    from samdesk.ui.shell.main_window import MainWindow

COMMANDS = CommandTable(
    (
        Command("file.quit", "Quit", "Close samdesk.", "ph.sign-out", "file", "quit", ("Ctrl+Q",)),
        Command("edit.shortcuts", "Keyboard shortcuts…", "Change the keys of any command.", "ph.keyboard",
                "edit", "settings", ("Ctrl+K",)),
        Command("edit.settings", "Settings…", "Change how samdesk works and looks.", "ph.gear-six",
                "edit", "settings", ("Ctrl+,",)),
        Command("view.panels", "Show panels", "Show or hide all panels.", "ph.columns", "view",
                "layout", ("F9",), when="folder", checkable=True, checked=True),
        Command("view.image_only", "Image only", "Hide all panels, toolbars and the status bar.",
                "ph.image-square", "view", "layout", ("F12",), when="folder", checkable=True),
        Command("view.full_screen", "Full screen", "Fill the screen with the window.", "ph.arrows-out",
                "view", "layout", ("F11",), checkable=True),
        Command("view.reset_layout", "Reset layout", "Put all panels back in their places and sizes.",
                "ph.layout", "view", "layout", when="folder"),
        Command("view.theme", "Switch light and dark", "Switch between the light and the dark theme.",
                "ph.circle-half", "view", "theme", ("Ctrl+Shift+L",)),
        Command("help.shortcuts", "Shortcut sheet", "Show all keys and mouse gestures on one page.",
                "ph.question", "help", "learn", ("?", "F1"), short="Help"),
        Command("help.diagnostics", "Diagnostics",
                "Show versions, the device, measured times and the folders in use.", "ph.heartbeat", "help",
                "about"),
        Command("help.about", "About samdesk", "Show version and licences.", "ph.info", "help", "about"),
    )
)  # fmt: skip


def bind(actions: Actions, window: MainWindow, help_: HelpController) -> None:
    """Connects the commands to the window and its dialogs."""
    actions.on("file.quit", window.close)
    actions.on("edit.shortcuts", help_.edit_shortcuts)
    actions.on("edit.settings", help_.settings)
    actions.on("view.panels", window.show_panels)
    actions.on("view.image_only", window.show_image_only)
    actions.checked_from("view.image_only", lambda: window.image_only)
    actions.on("view.full_screen", window.set_full_screen)
    actions.on("view.reset_layout", window.reset_layout)
    actions.checked_from("view.panels", lambda: window.panels_shown)
    actions.checked_from("view.full_screen", window.isFullScreen)
    actions.refresh_on(window.layout_changed)
    actions.on("view.theme", help_.toggle_theme)
    actions.on("help.shortcuts", help_.shortcut_sheet)
    actions.on("help.diagnostics", help_.diagnostics)
    actions.on("help.about", help_.about)
