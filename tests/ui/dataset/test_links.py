"""A link that leads out of the dataset: the message, and the button that allows it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from tests.e2e.conftest import OpenWindow
from tests.helpers.desk import photos


@pytest.mark.skipif(os.name == "nt", reason="links need a permission on Windows")
def test_allow_opens_the_dataset_again_with_the_labels_behind_the_link(
    open_window: OpenWindow, tmp_path: Path
) -> None:
    outside = tmp_path / "outside" / "labels"
    outside.mkdir(parents=True)
    line = "0 0.1 0.1 0.5 0.1 0.5 0.5\n"
    (outside / "0.txt").write_text(line)
    folder = photos(tmp_path / "set" / "images", 2).parent
    (folder / "labels").symlink_to(outside)
    user = open_window()
    user.desk.flows.files.open_folder(folder)
    bar = user.window.message_bar
    user.until(lambda: any("leads out of the dataset" in text for text in bar.texts()))
    (row,) = [row for row in bar.rows if "leads out of the dataset" in row.text]
    assert f"{folder / 'labels'} is a link" in row.text
    assert str(outside) in row.text
    assert "neither read nor written unless you allow it" in row.text
    (button,) = row.buttons
    assert button.text() == "Allow"
    user.until(button.isVisible)
    user.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    user.until(lambda: user.desk.session.model.document is not None and len(user.annotations) == 1)
    assert not [text for text in bar.texts() if "leads out" in text]
    user.draw(200, 150)
    user.until_saved()
    assert len((outside / "0.txt").read_text().splitlines()) == 2
