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
from tests.e2e.conftest import Arrive
from tests.helpers.desk import CONTROL, SHIFT, Person

K = Qt.Key


def test_the_cursor_and_the_zoom(person: Person) -> None:
    person.hands.move(100, 50)
    assert person.window.status.cursor_field.text() == "x 100.0  y 50.0"
    person.hands.move(-20, 50)
    assert person.window.status.cursor_field.text() == ""
    person.key(K.Key_1, CONTROL)
    assert person.window.status.zoom_field.text() == "100%"
    person.key(K.Key_F)
    assert person.window.status.zoom_field.text() != "100%"


def test_the_times_of_the_model(person: Person) -> None:
    person.until(lambda: person.window.status.encode_field.text().startswith("encode"))
    assert person.window.status.decode_field.text() == ""
    person.click(100, 120)
    assert person.window.status.decode_field.text().startswith("mask ")
    person.key(K.Key_Escape)
    person.go("1.png")
    assert person.window.status.decode_field.text() == "", "the last mask was of another image"
    person.go("0.png")
    person.until(lambda: person.window.status.encode_field.text() == "encode cached")


def test_a_progress_line_while_the_image_is_encoded(arrive: Arrive, folder: Path) -> None:
    person = arrive()
    person.predictor.encoding.close()
    person.open(folder)
    line = person.canvas.findChild(ProgressLine)
    assert line is not None
    person.until(line.isVisible)
    person.predictor.encoding.open()
    person.until(lambda: not line.isVisible())


def test_the_hint_of_the_tool_in_use(person: Person) -> None:
    hint = person.window.status.hint
    assert "Click the object" in hint.hint
    person.click(100, 120)
    assert "Enter to accept" in hint.hint
    person.key(K.Key_P)
    assert "vertex" in hint.hint


def test_saving_is_shown(person: Person) -> None:
    person.draw(100, 120)
    person.until_saved()
    assert person.window.status.saved_field.text() == "Saved"
    person.key(K.Key_S, CONTROL)
    assert "All changes are saved" in person.told
    person.key(K.Key_Z, CONTROL)
    assert "Undid: Add object" in person.told


def test_thumbnails_are_of_the_dataset_that_is_open(person: Person, folder: Path, tmp_path: Path) -> None:
    model = person.desk.view.images.view.model()
    assert isinstance(model, ImageModel)

    def middle() -> int:
        small = model.index(0, 0).data(Qt.ItemDataRole.DecorationRole)
        return small.toImage().pixelColor(small.width() // 2, 2).red() if isinstance(small, QPixmap) else -1

    person.until(lambda: 80 < middle() < 140)
    other = tmp_path / "other"
    other.mkdir()
    Image.new("RGB", (320, 240), (250, 250, 250)).save(other / "0.png")
    person.open(other)
    person.until(lambda: middle() > 240)


def test_settings_apply_at_once(person: Person) -> None:
    person.desk.settings.set(HOVER_PREVIEW, False)
    assert not person.desk.view.actions.action("view.hover_preview").isChecked()
    person.desk.settings.set(THEME, "dark")
    assert QApplication.palette().color(QPalette.ColorRole.Window).lightness() < 100
    person.key(K.Key_L, CONTROL | SHIFT)
    assert QApplication.palette().color(QPalette.ColorRole.Window).lightness() > 150
    assert person.desk.settings.get(THEME) == "light"
    person.draw(100, 120)
    person.hands.move(-20, -20)

    def green(x: float, y: float) -> int:
        person.canvas.settle()
        place = person.canvas.to_widget(x, y).toPoint()
        return person.canvas.grab().toImage().pixelColor(place).green()

    person.desk.settings.set(FILL_OPACITY, 0)
    clear = green(100, 120)
    person.desk.settings.set(FILL_OPACITY, 90)
    assert green(100, 120) != clear
