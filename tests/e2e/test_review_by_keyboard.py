"""From a folder to an accepted dataset by keyboard alone: auto-annotate, review, accept; keys are counted."""

from __future__ import annotations

import json
import os
import shutil
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from statistics import mean

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from samdesk.app import Services
from samdesk.domain.annotation import Annotation
from samdesk.domain.document import ImageKey
from samdesk.domain.geometry.regions import rasterize
from samdesk.domain.geometry.types import BoolArray
from samdesk.domain.review import AnnotationReview
from samdesk.ui.auto_annotate.dialog import AutoAnnotateDialog
from tests.e2e.conftest import OpenWindow
from tests.helpers.coco import decode
from tests.helpers.desk import CONTROL, User
from tests.helpers.finding import ColourModels

K = Qt.Key
Judge = Callable[[ImageKey, Annotation, str], str | None]
"""Returns the right label of an annotation; None: it is no object."""


def press(user: User, key: Qt.Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> int:
    user.key(key, modifiers)
    return 1


def start(dialog: AutoAnnotateDialog) -> None:
    """Tab to Start, and Enter."""
    for _ in range(60):
        focused = dialog.focusWidget()
        if focused is dialog.start_button:
            break
        QTest.keyClick(focused, K.Key_Tab)
    QTest.keyClick(dialog.start_button, K.Key_Return)


def auto_annotate(user: User) -> None:
    """Ctrl+B, Start."""
    user.key(K.Key_B, CONTROL)
    dialog = user.window.findChild(AutoAnnotateDialog)
    assert dialog is not None
    user.until(lambda: dialog.counted)
    user.qtbot.waitUntil(dialog.start_button.isEnabled, timeout=60_000)
    start(dialog)
    user.qtbot.waitUntil(lambda: not user.desk.flows.batch.running, timeout=300_000)
    user.until_saved()


def relabel(user: User, name: str) -> int:
    """K, the name, Enter."""
    user.key(K.Key_K)
    field = QApplication.focusWidget()
    QTest.keyClicks(field, name)
    QTest.keyClick(field, K.Key_Return)
    return len(name) + 2


def review_image(user: User, judge: Judge) -> tuple[int, bool]:
    """Reviews the image on screen; returns the keys pressed, and whether all was right."""
    key, names = user.document.key, dict(zip([a.id for a in user.annotations], user.names, strict=True))
    judged = {a.id: judge(key, a, names[a.id]) for a in user.annotations}
    wrong = {i: label for i, label in judged.items() if label != names[i]}
    right, keys = not wrong, 0
    while wrong:
        chosen = user.desk.flows.tools.selection
        found = next((i for i in chosen if i in wrong), None)
        if found is None or len(chosen) > 1:
            keys += press(user, K.Key_N)
            continue
        label = wrong.pop(found)
        keys += press(user, K.Key_X) if label is None else relabel(user, label)
    keys += press(user, K.Key_Return, CONTROL)
    return keys, right


def review_all(user: User, judge: Judge) -> list[tuple[int, bool]]:
    user.key(K.Key_Home)
    keys = user.desk.flows.navigate.keys
    user.until(lambda: user.shown == keys[0])
    counted = []
    for following in (*keys[1:], keys[-1]):
        counted.append(review_image(user, judge))
        user.until(lambda following=following: user.shown == following)
    user.until_saved()
    user.until(lambda: user.desk.view.images.progress.text() == f"{len(keys)} / {len(keys)} accepted")
    return counted


def test_drawn_images_from_start_to_accepted(open_window: OpenWindow, folder: Path) -> None:
    user = open_window(Services(loaders=ColourModels().loaders))
    user.open(folder)
    user.key(K.Key_B, CONTROL)
    dialog = user.window.findChild(AutoAnnotateDialog)
    assert dialog is not None
    dialog.detector.setEditText("colour.pt")
    dialog._set_sam("inner.pt")
    user.until(lambda: dialog.counted)
    start(dialog)
    user.until(lambda: not user.desk.flows.batch.running)

    def judge(key: ImageKey, _annotation: Annotation, name: str) -> str | None:
        """On 1.png the box is no object, on 2.png it is an ellipse."""
        if name == "box" and key != "0.png":
            return None if key == "1.png" else "ellipse"
        return name

    counted = review_all(user, judge)
    assert counted[0] == (1, True), "an image that is right takes one key"
    assert [right for _, right in counted] == [True, False, False]
    assert counted[1][0] <= 4, "N, N, X, Ctrl+Enter"
    user.go("2.png")
    assert set(user.names) == {"ellipse"}
    assert {a.review for a in user.annotations} == {AnnotationReview.ACCEPTED, AnnotationReview.CORRECTED}


def truth_of(folder: Path) -> dict[str, list[tuple[str, BoolArray]]]:
    data = json.loads((folder / "instances.json").read_text("utf-8"))
    names = {c["id"]: c["name"] for c in data["categories"]}
    images = {image["id"]: image for image in data["images"]}
    found: dict[str, list[tuple[str, BoolArray]]] = defaultdict(list)
    for entry in data["annotations"]:
        image = images[entry["image_id"]]
        mask = decode(entry["segmentation"], image["height"], image["width"])
        found[image["file_name"]].append((names[entry["category_id"]], mask))
    return found


@pytest.mark.skipif(
    "SAMDESK_REVIEW_64" not in os.environ, reason="takes minutes: SAMDESK_REVIEW_64=1 runs it"
)
def test_64_images_of_coco_from_start_to_accepted(
    open_window: OpenWindow, coco64: Path, tmp_path: Path, real: Services
) -> None:
    folder = tmp_path / "images"
    shutil.copytree(coco64 / "images", folder)
    truth = truth_of(coco64)
    user = open_window(real)
    user.open(folder)
    auto_annotate(user)

    def judge(key: ImageKey, annotation: Annotation, _name: str) -> str | None:
        document = user.document
        mask = rasterize(annotation.region, document.height, document.width)
        best, label = 0.0, None
        for name, other in truth[key]:
            union = np.count_nonzero(mask | other)
            iou = np.count_nonzero(mask & other) / union if union else 0.0
            if iou > best:
                best, label = iou, name
        return label if best >= 0.5 else None

    counted = review_all(user, judge)
    right = [keys for keys, is_right in counted if is_right]
    wrong = [keys for keys, is_right in counted if not is_right]
    print(
        f"\n{len(right)} images right: {mean(right):.2f} keys each; {len(wrong)} corrected: {mean(wrong):.2f}"
    )
    assert set(right) == {1}
