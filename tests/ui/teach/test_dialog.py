"""What the Teach dialog says of what there is."""

from __future__ import annotations

import pytest

from samdesk.training.teach.readiness import Outlook
from samdesk.ui.teach.dialog import found_text


@pytest.mark.parametrize(
    ("telling", "said"),
    [
        (24, "24 images are accepted as a whole."),
        (16, "24 images are accepted as a whole, 8 of them without an object."),
    ],
)
def test_images_without_an_object_are_told_apart(telling: int, said: str) -> None:
    outlook = Outlook(
        masks=61, mask_images=16, whole_images=24, telling_images=telling, in_part=0, boxes=0, classes=()
    )
    assert found_text(outlook).endswith(said)
