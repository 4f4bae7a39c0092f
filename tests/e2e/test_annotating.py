"""From a click to a line on disk, in the real window."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from samdesk.domain.annotation import Source
from samdesk.domain.document import ImageKey
from samdesk.io.dataset import Dataset
from tests.helpers.desk import CONTROL, SHIFT, Person, lines

K = Qt.Key


def test_a_click_and_enter_are_a_line_on_disk(person: Person, folder: Path) -> None:
    person.add_labels("cat", "dog")
    person.key(K.Key_2)
    person.click(100, 120)
    person.key(K.Key_Return)
    assert person.names == ["dog"]
    person.until_saved()
    (line,) = lines(folder / "0.png").lines
    assert line.class_id == 1
    assert line.region.centroid.x == pytest.approx(100, abs=1)
    assert line.region.area == pytest.approx(person.annotations[0].region.area, rel=0.03)
    person.leave()
    dataset = Dataset.open(folder)
    (kept,) = dataset.load(ImageKey("0.png")).annotations
    assert kept == person.annotations[0]
    assert (kept.source, kept.prompts is not None) == (Source.SAM, True)
    assert (folder / "data.yaml").is_file()
    dataset.close()
