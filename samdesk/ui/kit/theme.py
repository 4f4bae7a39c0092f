"""The light and dark themes: colour tokens, and the palette and style sheet made from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from samdesk.ui.kit.fonts import ensure_font
from samdesk.ui.kit.outline_style import OutlineStyle

UNIT = 8
"""Distances are multiples of this, logical pixels."""

FIELD_HEIGHT = 7 * UNIT // 2
"""Height of text fields, number fields and drop-down lists in dialogs, logical pixels."""


@dataclass(frozen=True)
class Tokens:
    """The colours of a theme, ``#rrggbb``. Greys are neutral, so that they do not tint the image.

    Attributes:
        name: "light" or "dark".
        canvas: Behind the image.
        window: Toolbars, panels, status bar.
        base: Lists and text fields.
        raised: Buttons, cards and menus.
        hover: A hovered button.
        pressed: A pressed button.
        border: Lines between areas.
        control: Outlines of controls.
        text: Text.
        muted: Secondary text.
        disabled: Text of disabled controls.
        accent: Checked, selected and primary controls.
        accent_soft: Background of checked controls.
        accent_text: Text on ``accent``.
        focus: The ring around a primary button that has the focus.
        good: Saved, ready.
        warning: Needs attention.
        bad: Failed.
    """

    name: str
    canvas: str
    window: str
    base: str
    raised: str
    hover: str
    pressed: str
    border: str
    control: str
    text: str
    muted: str
    disabled: str
    accent: str
    accent_soft: str
    accent_text: str
    focus: str
    good: str
    warning: str
    bad: str


DARK = Tokens(
    name="dark", canvas="#141414", window="#202020", base="#1a1a1a", raised="#2b2b2b", hover="#353535",
    pressed="#404040", border="#303030", control="#494949", text="#e6e6e6", muted="#a3a3a3",
    disabled="#6b6b6b", accent="#4c9dff", accent_soft="#1f3552", accent_text="#06172b", good="#5fc98a",
    warning="#e8b04a", focus="#b5d6ff", bad="#f2787a",
)  # fmt: skip

LIGHT = Tokens(
    name="light", canvas="#d9d9d9", window="#f4f4f4", base="#ffffff", raised="#ffffff", hover="#e8e8e8",
    pressed="#dcdcdc", border="#dadada", control="#bdbdbd", text="#1c1c1c", muted="#5e5e5e",
    disabled="#9b9b9b", accent="#0b66d8", accent_soft="#dbe9fb", accent_text="#ffffff", good="#1d7f48",
    warning="#945f00", focus="#06366f", bad="#c22f35",
)  # fmt: skip


def palette(tokens: Tokens) -> QPalette:
    """The Qt palette of a theme."""
    result = QPalette()
    role = QPalette.ColorRole
    colors = {
        role.Window: tokens.window,
        role.WindowText: tokens.text,
        role.Base: tokens.base,
        role.AlternateBase: tokens.window,
        role.ToolTipBase: tokens.raised,
        role.ToolTipText: tokens.text,
        role.PlaceholderText: tokens.muted,
        role.Text: tokens.text,
        role.Button: tokens.raised,
        role.ButtonText: tokens.text,
        role.BrightText: tokens.bad,
        role.Light: tokens.hover,
        role.Midlight: tokens.raised,
        role.Mid: tokens.border,
        role.Dark: tokens.control,
        role.Shadow: "#000000",
        role.Highlight: tokens.accent,
        role.HighlightedText: tokens.accent_text,
        role.Link: tokens.accent,
        role.LinkVisited: tokens.accent,
    }
    for color_role, color in colors.items():
        result.setColor(color_role, QColor(color))
    for color_role in (role.WindowText, role.Text, role.ButtonText, role.HighlightedText):
        result.setColor(QPalette.ColorGroup.Disabled, color_role, QColor(tokens.disabled))
    result.setColor(QPalette.ColorGroup.Disabled, role.Highlight, QColor(tokens.pressed))
    if hasattr(role, "Accent"):  # Qt 6.6
        result.setColor(role.Accent, QColor(tokens.accent))
    return result


def style_sheet(tokens: Tokens) -> str:
    """The style sheet for what the palette does not cover."""
    t = tokens
    return f"""
    QToolTip {{ color: {t.text}; background: {t.raised}; border: 1px solid {t.control}; padding: 4px 8px; }}
    QMainWindow::separator {{ background: {t.border}; width: 1px; height: 1px; }}
    QMainWindow::separator:hover {{ background: {t.accent}; }}
    QMenuBar {{ background: {t.window}; color: {t.text}; padding: 2px 8px; }}
    QMenuBar::item {{ padding: 4px 8px; border-radius: 4px; background: transparent; }}
    QMenuBar::item:selected {{ background: {t.hover}; }}
    QMenu {{ background: {t.raised}; border: 1px solid {t.control}; padding: 4px; menu-scrollable: 1; }}
    QMenu::item {{ padding: 5px 24px 5px 8px; border-radius: 4px; }}
    QMenu::icon {{ padding-left: 8px; }}
    QMenu::icon:checked {{
        background: {t.accent_soft}; border: 1px solid {t.accent}; border-radius: 4px; padding: 1px;
        margin-left: 6px; }}
    QMenu::item:selected {{ background: {t.accent}; color: {t.accent_text}; }}
    QMenu::item:disabled {{ color: {t.disabled}; background: transparent; }}
    QMenu::separator {{ height: 1px; background: {t.border}; margin: 4px 8px; }}
    QToolBar {{ background: {t.window}; border: none; spacing: 4px; padding: 4px 8px; }}
    QToolBar#tools {{ border-right: 1px solid {t.border}; }}
    QToolBar#top {{ border-bottom: 1px solid {t.border}; }}
    QToolBar::separator:horizontal {{ background: {t.border}; width: 1px; margin: 6px 4px; }}
    QToolBar::separator:vertical {{ background: {t.border}; height: 1px; margin: 4px 6px; }}
    QToolBar QToolButton, QToolButton[flat="true"] {{
        border: 1px solid transparent; border-radius: 6px; padding: 4px 6px; background: transparent;
        color: {t.text}; }}
    QToolBar QToolButton:hover, QToolButton[flat="true"]:hover {{ background: {t.hover}; }}
    QToolBar QToolButton:pressed, QToolButton[flat="true"]:pressed {{ background: {t.pressed}; }}
    QToolBar QToolButton:checked, QToolButton[flat="true"]:checked {{ background: {t.accent_soft}; }}
    QToolBar QToolButton:focus, QToolButton[flat="true"]:focus {{ border-color: {t.accent}; }}
    QToolBar QToolButton:disabled {{ color: {t.disabled}; background: transparent; }}
    QToolButton::menu-indicator {{ image: none; }}
    QToolBar QToolButton#chip {{
        border: 1px solid {t.control}; border-radius: 14px; padding: 4px 12px 4px 8px; }}
    QToolButton#adjusted {{
        background: {t.raised}; color: {t.text}; border: 1px solid {t.accent}; border-radius: 14px;
        padding: 4px 12px 4px 8px; }}
    QToolButton#adjusted:hover {{ background: {t.hover}; }}
    QToolBar QToolButton#chip:focus {{ border-color: {t.accent}; }}
    QPushButton {{
        background: {t.raised}; color: {t.text}; border: 1px solid {t.control}; border-radius: 6px;
        padding: 5px 14px; }}
    QPushButton:hover {{ background: {t.hover}; }}
    QPushButton:pressed {{ background: {t.pressed}; }}
    QPushButton:focus {{ border-color: {t.accent}; }}
    QPushButton:disabled {{ color: {t.disabled}; border-color: {t.border}; }}
    QPushButton:default, QPushButton[primary="true"] {{
        background: {t.accent}; color: {t.accent_text}; border-color: {t.accent}; }}
    QPushButton:default:focus, QPushButton[primary="true"]:focus {{
        border: 2px solid {t.focus}; padding: 4px 13px; }}
    QPushButton:default:disabled, QPushButton[primary="true"]:disabled {{
        background: {t.pressed}; color: {t.disabled}; border-color: {t.pressed}; }}
    QPushButton[danger="true"] {{ background: {t.bad}; color: {t.accent_text}; border-color: {t.bad}; }}
    QStatusBar {{ background: {t.window}; border-top: 1px solid {t.border}; }}
    QStatusBar::item {{ border: none; }}
    QHeaderView::section {{
        background: {t.window}; color: {t.muted}; border: none; border-bottom: 1px solid {t.border};
        padding: 4px 6px; }}
    QListView[offer="true"] {{ background: {t.raised}; border: 1px solid {t.control}; border-radius: 6px; }}
    QListView[nav="true"] {{ background: transparent; outline: none; }}
    QListView[nav="true"]::item {{
        padding: 7px 8px; border-radius: 6px; margin-bottom: 2px; color: {t.text}; }}
    QListView[nav="true"]::item:hover {{ background: {t.hover}; }}
    QListView[nav="true"]::item:selected {{ background: {t.accent_soft}; color: {t.text}; }}
    QListView[nav="true"]::item:focus {{ border: 1px solid {t.accent}; padding: 6px 7px; }}
    QDialog QTreeView:focus, QDialog QTableView:focus {{ border: 1px solid {t.accent}; }}
    QTreeView[roomy="true"]::item, QListView[roomy="true"]::item {{ padding: 4px 2px; }}
    QToolButton[chip="true"] {{
        border: 1px solid {t.control}; border-radius: 10px; padding: 2px 8px; min-height: 16px;
        background: transparent; color: {t.text}; }}
    QToolButton[chip="true"]:hover {{ background: {t.hover}; }}
    QToolButton[chip="true"]:checked {{ background: {t.accent_soft}; border-color: {t.accent}; }}
    QToolButton[chip="true"]:focus {{ border-color: {t.accent}; }}
    QToolButton[link="true"] {{ border: none; background: transparent; color: {t.accent}; padding: 1px 2px; }}
    QToolButton[link="true"]:hover, QToolButton[link="true"]:focus {{ text-decoration: underline; }}
    QLabel[warning="true"] {{ color: {t.warning}; }}
    QLabel[muted="true"] {{ color: {t.muted}; }}
    QLabel[heading="true"] {{ color: {t.text}; font-weight: 600; }}
    QDockWidget {{ border: none; }}
    QFrame[card="true"] {{ background: {t.raised}; border: 1px solid {t.border}; border-radius: 8px; }}
    QFrame#message {{ background: {t.raised}; border: 1px solid {t.control}; border-radius: 8px; }}
    QFrame#job {{ background: {t.window}; border: none; border-bottom: 1px solid {t.border}; }}
    QLabel[key="true"] {{
        background: {t.raised}; color: {t.text}; border: 1px solid {t.control}; border-bottom-width: 2px;
        border-radius: 4px; padding: 1px 6px; }}
    """


class Theme(QObject):
    """Applies a theme to the application: light, dark, or the desktop's.

    Signals:
        changed: The ``Tokens`` of the new theme.
    """

    changed = Signal(object)

    def __init__(
        self,
        application: QApplication,
        choice: str = "system",
        parent: QObject | None = None,
        system_is_dark: Callable[[], bool] | None = None,
    ) -> None:
        """Applies the theme.

        Args:
            application: The application.
            choice: "system", "light" or "dark".
            parent: The Qt parent.
            system_is_dark: Returns whether the desktop is dark; None: as Qt detects it.
        """
        super().__init__(parent)
        self._application = application
        self._choice = choice
        self._system_is_dark = system_is_dark or self._is_system_dark
        self._tokens: Tokens | None = None
        ensure_font(application.font())
        application.setStyle(OutlineStyle())
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._follow_system)
        self.set_choice(choice)

    @property
    def choice(self) -> str:
        """The user's choice: "system", "light" or "dark"."""
        return self._choice

    @property
    def tokens(self) -> Tokens:
        """The colours of the current theme."""
        return self._tokens or self._wanted()

    def set_choice(self, choice: str) -> None:
        """Sets the theme: "system", "light" or "dark"."""
        self._choice = choice
        hints = QGuiApplication.styleHints()
        if hasattr(hints, "setColorScheme"):  # Qt 6.8; makes native title bars and dialogs follow
            scheme = {"light": Qt.ColorScheme.Light, "dark": Qt.ColorScheme.Dark}
            hints.setColorScheme(scheme.get(choice, Qt.ColorScheme.Unknown))
        self._apply()

    def toggle(self) -> str:
        """Switches between light and dark; returns the new choice."""
        self.set_choice("light" if self.tokens.name == "dark" else "dark")
        return self._choice

    def _is_system_dark(self) -> bool:
        return QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark

    def _follow_system(self) -> None:
        self._apply()

    def _wanted(self) -> Tokens:
        dark = self._choice == "dark"
        if self._choice == "system":
            dark = self._system_is_dark()
        return DARK if dark else LIGHT

    def _apply(self) -> None:
        wanted = self._wanted()
        if wanted is self._tokens:
            return
        self._tokens = wanted
        self._application.setPalette(palette(wanted))
        self._application.setStyleSheet(style_sheet(wanted))
        self.changed.emit(wanted)


def current_tokens() -> Tokens:
    """The colours of the application's current palette, for custom painting."""
    window = QGuiApplication.palette().color(QPalette.ColorRole.Window)
    return DARK if window.lightness() < 128 else LIGHT
