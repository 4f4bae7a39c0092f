"""The status bar in the whole window: cursor, zoom, times, hints, saving; and the filmstrip."""

from __future__ import annotations

from pathlib import Path

from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtGui import QPalette, QPixmap
from PySide6.QtWidgets import QApplication

from samdesk.settings.table import FILL_OPACITY, HOVER_PREVIEW, THEME
from samdesk.ui.canvas.progress_line import ProgressLine
from samdesk.ui.images.model import ImageModel
from tests.e2e.conftest import OpenWindow
from tests.helpers.desk import CONTROL, SHIFT, User

K = Qt.Key


def test_the_cursor_and_the_zoom(user: User) -> None:
    user.mouse.move(100, 50)
    assert user.window.status.cursor_field.text() == "x 100.0  y 50.0"
    user.mouse.move(-20, 50)
    assert user.window.status.cursor_field.text() == ""
    user.key(K.Key_1, CONTROL)
    assert user.window.status.zoom_field.text() == "100%"
    user.key(K.Key_F)
    assert user.window.status.zoom_field.text() != "100%"


def test_the_times_of_the_model(user: User) -> None:
    user.until(lambda: user.window.status.encode_field.text().startswith("encode"))
    assert user.window.status.decode_field.text() == ""
    user.click(100, 120)
    assert user.window.status.decode_field.text().startswith("mask ")
    user.key(K.Key_Escape)
    user.go("1.png")
    assert user.window.status.decode_field.text() == "", "the last mask was of another image"
    user.go("0.png")
    user.until(lambda: user.window.status.encode_field.text() == "encode cached")


def test_a_progress_line_while_the_image_is_encoded(open_window: OpenWindow, folder: Path) -> None:
    user = open_window()
    user.predictor.encoding.close()
    user.open(folder)
    line = user.canvas.findChild(ProgressLine)
    assert line is not None
    user.until(line.isVisible)
    user.predictor.encoding.open()
    user.until(lambda: not line.isVisible())


def test_the_hint_of_the_tool_in_use(user: User) -> None:
    hint = user.window.status.hint
    assert "Click the object" in hint.hint
    user.click(100, 120)
    assert "Enter to accept" in hint.hint
    user.key(K.Key_P)
    assert "vertex" in hint.hint


def test_saving_is_shown(user: User) -> None:
    user.draw(100, 120)
    user.until_saved()
    assert user.window.status.saved_field.text() == "Saved"
    user.key(K.Key_S, CONTROL)
    assert "All changes are saved" in user.message_text
    user.key(K.Key_Z, CONTROL)
    assert "Undid: Add object" in user.message_text


def test_thumbnails_are_of_the_dataset_that_is_open(user: User, folder: Path, tmp_path: Path) -> None:
    model = user.desk.view.images.view.model()
    assert isinstance(model, ImageModel)

    def middle() -> int:
        small = model.index(0, 0).data(Qt.ItemDataRole.DecorationRole)
        return small.toImage().pixelColor(small.width() // 2, 2).red() if isinstance(small, QPixmap) else -1

    user.until(lambda: 80 < middle() < 140)
    other = tmp_path / "other"
    other.mkdir()
    Image.new("RGB", (320, 240), (250, 250, 250)).save(other / "0.png")
    user.open(other)
    user.until(lambda: middle() > 240)


def test_settings_apply_at_once(user: User) -> None:
    user.desk.settings.set(HOVER_PREVIEW, False)
    assert not user.desk.view.actions.action("view.hover_preview").isChecked()
    user.desk.settings.set(THEME, "dark")
    assert QApplication.palette().color(QPalette.ColorRole.Window).lightness() < 100
    user.key(K.Key_L, CONTROL | SHIFT)
    assert QApplication.palette().color(QPalette.ColorRole.Window).lightness() > 150
    assert user.desk.settings.get(THEME) == "light"
    user.draw(100, 120)
    user.mouse.move(-20, -20)

    def green(x: float, y: float) -> int:
        user.canvas.settle()
        place = user.canvas.to_widget(x, y).toPoint()
        return user.canvas.grab().toImage().pixelColor(place).green()

    user.desk.settings.set(FILL_OPACITY, 0)
    clear = green(100, 120)
    user.desk.settings.set(FILL_OPACITY, 90)
    assert green(100, 120) != clear
