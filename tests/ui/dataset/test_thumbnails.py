"""The summaries of the image list."""

from __future__ import annotations

import pytest

from samdesk.dataset.dataset import ImageSummary
from samdesk.domain.document import ImageKey
from samdesk.ui.dataset.thumbnails import SUMMARIES_PER_QUERY
from tests.helpers.desk import User


def test_a_long_list_is_summarized_in_parts(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    panel = user.desk.view.images
    parts: list[list[ImageSummary]] = []
    monkeypatch.setattr(panel, "set_summaries", parts.append)
    panel.visible_changed.emit([ImageKey("2.png")] * 120)
    panel.visible_changed.emit([ImageKey("1.png")])

    def of(key: str) -> list[ImageSummary]:
        return [summary for part in parts for summary in part if summary.key == key]

    user.until(lambda: len(of("2.png")) >= 120 and bool(of("1.png")))
    assert {(summary.width, summary.height) for summary in of("2.png")[-120:]} == {(320, 240)}
    assert all(len(part) <= SUMMARIES_PER_QUERY for part in parts)
