"""The summaries of the image list."""

from __future__ import annotations

import pytest

from samdesk.dataset.dataset import ImageSummary
from samdesk.domain.document import ImageKey
from samdesk.ui.dataset.thumbnails import SUMMARIES_AT_ONCE
from tests.helpers.desk import Person


def test_a_long_list_is_summarized_in_parts(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    panel = person.desk.view.images
    parts: list[list[ImageSummary]] = []
    monkeypatch.setattr(panel, "set_summaries", parts.append)
    panel.visible_changed.emit([ImageKey("2.png")] * 120)
    panel.visible_changed.emit([ImageKey("1.png")])
    person.until(lambda: sum(map(len, parts)) >= 121)
    assert all(len(part) <= SUMMARIES_AT_ONCE for part in parts)
    assert (parts[-1][-1].key, parts[-1][-1].width, parts[-1][-1].height) == ("1.png", 320, 240)
