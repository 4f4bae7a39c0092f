"""The training material in the Teach dialog."""

from __future__ import annotations

import pytest

from samdesk.training.teach.readiness import Readiness
from samdesk.ui.teach.dialog import material_text


@pytest.mark.parametrize(
    ("labelled", "text"),
    [
        (24, "24 accepted images."),
        (16, "24 accepted images, 8 of them without objects."),
    ],
)
def test_images_without_objects_are_counted(labelled: int, text: str) -> None:
    readiness = Readiness(
        masks=61,
        mask_images=16,
        whole_images=24,
        labelled_images=labelled,
        partly_reviewed=0,
        boxes=0,
        classes=(),
    )
    assert material_text(readiness).endswith(text)
