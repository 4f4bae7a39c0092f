"""Adjusting the view changes what is painted, and nothing else: not the file, nor what models are given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest

from samdesk.ui.canvas.layers.adjustments import Adjustments
from tests.helpers.desk import CONTROL, SHIFT, User

GREYS = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)


def test_the_neutral_curve_changes_no_tone_and_each_control_does_what_it_says() -> None:
    same = Adjustments().curve(GREYS).astype(int)
    assert (same == np.arange(256)).all()
    assert (Adjustments(brightness=20).curve(GREYS)[:200] > same[:200]).all()
    steep = Adjustments(contrast=50).curve(GREYS).astype(int)
    assert steep[60] < 60
    assert steep[200] > 200
    flat = Adjustments(contrast=-100).curve(GREYS)
    assert len(set(flat.tolist())) == 1
    gamma = Adjustments(gamma=200).curve(GREYS).astype(int)
    assert gamma[64] == 128
    assert (gamma[0], gamma[255]) == (0, 255)
    for adjustments in (Adjustments(30, -20, 60, True), Adjustments(-100, 100, 500), Adjustments(gamma=20)):
        curve = adjustments.curve(GREYS).astype(int)
        assert (np.diff(curve) >= 0).all(), "no tone overtakes another"


def test_equalised_tones_cover_the_range_of_a_dull_image() -> None:
    dull = np.random.default_rng(1).integers(100, 140, (80, 80, 3)).astype(np.uint8)
    curve = Adjustments(equalise=True).curve(dull).astype(int)
    assert curve[140] - curve[100] > 140
    blank = np.zeros((9, 9, 3), np.uint8)
    assert (Adjustments(equalise=True).curve(blank) == Adjustments().curve(blank)).all()


@pytest.mark.parametrize("text", [None, "", "x", "[]", '{"brightness": "1", "gamma": 1e9, "equalise": 2}'])
def test_what_is_no_setting_is_neutral(text: str | None) -> None:
    assert Adjustments.from_text(text).neutral


def test_adjustments_come_back_as_they_were() -> None:
    for adjustments in (Adjustments(), Adjustments(-7, 30, 140, True)):
        assert Adjustments.from_text(adjustments.text()) == adjustments
    assert Adjustments.from_text('{"contrast": 700}').contrast == 100


def shade(user: User) -> float:
    """How light the middle of the canvas is painted, 0..255."""
    user.canvas.settle()
    image = user.canvas.grab().toImage()
    place = user.canvas.to_widget(160, 120).toPoint()
    around = [image.pixelColor(place.x() + x, place.y() + y) for x in (-6, 0, 6) for y in (-6, 0, 6)]
    return sum(QColor(color).lightness() for color in around) / len(around)


def test_the_user_lightens_the_view_by_keys_and_the_file_and_the_model_see_no_difference(
    user: User, folder: Path
) -> None:
    before, file = shade(user), (folder / "0.png").read_bytes()
    pixels = user.canvas._scene._image._pyramid.pixels(0).copy()  # type: ignore[union-attr]
    adjust = user.desk.flows.adjust
    assert adjust.chip.isHidden()
    user.key(Qt.Key.Key_B, CONTROL | SHIFT)
    slider = adjust.panel.sliders["brightness"]
    assert slider.hasFocus()
    for _ in range(4):
        QTest.keyClick(slider, Qt.Key.Key_PageUp)
    assert user.canvas.adjustments == Adjustments(brightness=40)
    assert shade(user) > before + 20
    assert np.array_equal(user.canvas._scene._image._pyramid.pixels(0), pixels)  # type: ignore[union-attr]
    user.key(Qt.Key.Key_B, CONTROL | SHIFT)
    assert adjust.panel.isHidden()
    assert adjust.chip.isVisible(), "it says so as long as the image is not shown as it is"
    assert "brightness +40" in adjust.chip.text()
    user.go("1.png")
    assert user.canvas.adjustments == Adjustments(brightness=40)
    user.desk.view.actions.trigger("view.adjust_reset")
    assert adjust.chip.isHidden()
    user.go("0.png")
    assert shade(user) == pytest.approx(before, abs=0.5)
    assert (folder / "0.png").read_bytes() == file


def test_a_dataset_is_shown_as_it_was_left(user: User, folder: Path, tmp_path: Path) -> None:
    user.canvas.set_adjustments(Adjustments(contrast=30))
    user.draw(160, 120)
    adjust = user.desk.flows.adjust
    user.until(lambda: not adjust._timer.isActive())
    user.until_saved()
    (other := tmp_path / "other").mkdir()
    (other / "a.png").write_bytes((folder / "0.png").read_bytes())
    user.open(other)
    user.until(lambda: user.canvas.adjustments.neutral)
    user.open(folder)
    user.until(lambda: user.canvas.adjustments == Adjustments(contrast=30))
