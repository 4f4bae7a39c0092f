"""SettingsDialog: made from the settings table; changes apply at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QScrollArea,
    QSpinBox,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from samdesk.settings.table import SETTINGS, Setting, SettingError, Settings
from samdesk.ui.kit.icons import icon
from samdesk.ui.kit.plain import PlainLabel
from samdesk.ui.kit.theme import FIELD_HEIGHT, UNIT

Choices = Sequence[tuple[Any, str]]
_EDITOR_WIDTH = 24 * UNIT


class SettingRow(QWidget):
    """One setting: title and help on the left, editor and reset button on the right."""

    def __init__(self, setting: Setting[Any], settings: Settings, choices: Choices, parent: QWidget) -> None:
        super().__init__(parent)
        self.setting = setting
        self._settings = settings
        self.editor, self._show, self._read = _editor(setting, choices or setting.choices, self._apply, self)
        self.editor.setAccessibleName(setting.title)
        self.editor.setAccessibleDescription(setting.help)
        self.editor.setToolTip(setting.help)
        self.editor.setFixedSize(_EDITOR_WIDTH, FIELD_HEIGHT)
        self.reset = QToolButton(self)
        self.reset.setProperty("flat", True)
        self.reset.setIcon(icon("ph.arrow-counter-clockwise"))
        self.reset.setIconSize(QSize(14, 14))
        self.reset.setFixedSize(FIELD_HEIGHT, FIELD_HEIGHT)
        self.reset.setToolTip(f"Reset to default: {shown_value(setting, setting.default)}")
        self.reset.setAccessibleName(f"Reset {setting.title}")
        self.reset.clicked.connect(lambda: settings.reset(setting))
        policy = self.reset.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.reset.setSizePolicy(policy)
        self._lay_out()
        self.refresh()

    def refresh(self) -> None:
        """Shows the current value."""
        self._show(self._settings.get(self.setting))
        self.reset.setVisible(not self._settings.is_default(self.setting))

    def _apply(self) -> None:
        try:
            self._settings.set(self.setting, self._read())
        except SettingError:
            self.refresh()

    def _lay_out(self) -> None:
        texts = QVBoxLayout()
        texts.setSpacing(2)
        title = PlainLabel(self.setting.title, self)
        title.setBuddy(self.editor)
        help_text = PlainLabel(self.setting.help, self)
        help_text.setProperty("muted", True)
        help_text.setWordWrap(True)
        texts.addWidget(title)
        texts.addWidget(help_text)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, UNIT, 0, UNIT)
        layout.setSpacing(UNIT)
        layout.addLayout(texts, 1)
        layout.addSpacing(UNIT)
        layout.addWidget(self.editor, 0, Qt.AlignmentFlag.AlignTop)
        layout.addWidget(self.reset, 0, Qt.AlignmentFlag.AlignTop)


class SettingsDialog(QDialog):
    """The settings dialog: sections on the left, their settings on the right."""

    def __init__(
        self,
        settings: Settings,
        parent: QWidget | None = None,
        choices: Mapping[str, Choices] | None = None,
    ) -> None:
        """Builds a row for every setting that has a section.

        Args:
            settings: The settings to edit.
            parent: The parent window.
            choices: Values of settings that depend on this computer (devices, models): setting key ->
                (value, title) pairs; other text can be entered too.
        """
        super().__init__(parent)
        self.setWindowTitle("Settings")
        self._settings = settings
        self.rows: dict[str, SettingRow] = {}
        self._list = QListWidget(self)
        self._list.setAccessibleName("Sections")
        self._list.setFixedWidth(20 * UNIT)
        self._list.setFrameShape(QFrame.Shape.NoFrame)
        self._list.setProperty("nav", True)
        self._pages = QStackedWidget(self)
        for section in dict.fromkeys(s.section for s in SETTINGS if s.section):
            self._list.addItem(section)
            self._pages.addWidget(self._page(section, choices or {}))
        self._list.currentRowChanged.connect(self._pages.setCurrentIndex)
        self._list.setCurrentRow(0)
        self._lay_out()
        self.resize(96 * UNIT, 60 * UNIT)
        self._unsubscribe = settings.on_change(self._refresh_row)
        self.destroyed.connect(lambda _=None, stop=self._unsubscribe: stop())

    def reset_all(self) -> None:
        """Resets every setting of the dialog to its default."""
        for row in self.rows.values():
            self._settings.reset(row.setting)

    def _refresh_row(self, setting: Setting[Any]) -> None:
        row = self.rows.get(setting.key)
        if row is not None:
            row.refresh()

    def _page(self, section: str, choices: Mapping[str, Choices]) -> QWidget:
        page = QWidget(self)
        layout = QVBoxLayout(page)
        layout.setContentsMargins(3 * UNIT, UNIT, 2 * UNIT, UNIT)
        layout.setSpacing(0)
        for setting in SETTINGS:
            if setting.section == section:
                row = SettingRow(setting, self._settings, choices.get(setting.key, ()), page)
                self.rows[setting.key] = row
                layout.addWidget(row)
        layout.addStretch(1)
        scroll = QScrollArea(self)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(page)
        return scroll

    def _lay_out(self) -> None:
        body = QHBoxLayout()
        body.setSpacing(0)
        body.addWidget(self._list)
        body.addWidget(self._pages, 1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.rejected.connect(self.close)
        reset = buttons.addButton("Reset all to defaults", QDialogButtonBox.ButtonRole.ResetRole)
        reset.clicked.connect(self.reset_all)
        reset.setAutoDefault(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * UNIT, 2 * UNIT, 2 * UNIT, 2 * UNIT)
        layout.setSpacing(2 * UNIT)
        layout.addLayout(body, 1)
        layout.addWidget(buttons)


def shown_value(setting: Setting[Any], value: Any) -> str:
    """A value as the dialog shows it."""
    for choice, title in setting.choices:
        if choice == value:
            return title
    if isinstance(value, bool):
        return "on" if value else "off"
    if value == "":
        return "Automatic"
    number = f"{value:g}" if isinstance(value, float) else str(value)
    return f"{number}{_suffix(setting)}"


def _suffix(setting: Setting[Any]) -> str:
    """The unit as it follows a number: "30%", "10 GB"."""
    return setting.unit if setting.unit in ("", "%") else f" {setting.unit}"


_Editor = tuple[QWidget, Callable[[Any], None], Callable[[], Any]]


def _editor(setting: Setting[Any], choices: Choices, changed: Callable[[], None], parent: QWidget) -> _Editor:
    """The editor widget of a setting, a function to set its value and one to read it."""
    if choices:
        return _choice_editor(setting, choices, changed, parent)
    if setting.kind is bool:
        check = QCheckBox(parent)
        check.toggled.connect(changed)
        return check, check.setChecked, check.isChecked
    if setting.kind in (int, float):
        return _number_editor(setting, changed, parent)
    line = QLineEdit(parent)
    line.setPlaceholderText("Automatic")
    line.setTextMargins(UNIT // 2, 0, 0, 0)
    line.editingFinished.connect(changed)
    return line, line.setText, lambda: line.text().strip()


def _choice_editor(
    setting: Setting[Any], choices: Choices, changed: Callable[[], None], parent: QWidget
) -> _Editor:
    combo = QComboBox(parent)
    values = [value for value, _ in choices]
    combo.addItems([title for _, title in choices])
    combo.setEditable(not setting.choices)

    def show(value: Any) -> None:
        if value in values:
            combo.setCurrentIndex(values.index(value))
        else:
            combo.setEditText(str(value))

    def read() -> Any:
        at = combo.findText(combo.currentText(), Qt.MatchFlag.MatchExactly)
        return values[at] if at >= 0 else combo.currentText().strip()

    combo.activated.connect(changed)
    edit = combo.lineEdit()
    if edit is not None:
        edit.editingFinished.connect(changed)
    return combo, show, read


def _number_editor(setting: Setting[Any], changed: Callable[[], None], parent: QWidget) -> _Editor:
    low = 0 if setting.minimum is None else setting.minimum
    high = 2**31 - 1 if setting.maximum is None else setting.maximum
    if setting.kind is float:
        exact = QDoubleSpinBox(parent)
        exact.setDecimals(2 if setting.step < 0.1 else 1)
        exact.setRange(low, high)
        exact.setSingleStep(setting.step)
        _configure(exact, setting, changed)
        return exact, exact.setValue, lambda: round(exact.value(), 4)
    whole = QSpinBox(parent)
    whole.setRange(int(low), int(high))
    whole.setSingleStep(int(setting.step))
    whole.setGroupSeparatorShown(True)
    _configure(whole, setting, changed)
    return whole, whole.setValue, whole.value


def _configure(spin: QSpinBox | QDoubleSpinBox, setting: Setting[Any], changed: Callable[[], None]) -> None:
    if setting.unit:
        spin.setSuffix(_suffix(setting))
    spin.setKeyboardTracking(False)
    spin.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    spin.valueChanged.connect(changed)
