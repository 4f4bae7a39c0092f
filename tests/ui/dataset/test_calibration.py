"""After 50 decisions a message says that the doubt follows them."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt

from samdesk.dataset.dataset import Dataset
from samdesk.domain import edits
from samdesk.domain.annotation import Annotation, AnnotationId, RunId, Source
from samdesk.domain.edits import Transaction
from samdesk.domain.geometry.regions import from_box
from samdesk.domain.labels import LabelSet
from samdesk.domain.review import AnnotationReview
from tests.e2e.conftest import OpenWindow
from tests.helpers.desk import CONTROL, photos


def test_a_message_says_that_the_doubt_follows_the_decisions(open_window: OpenWindow, tmp_path: Path) -> None:
    folder = photos(tmp_path / "set", 1)
    dataset = Dataset.open(folder)
    labels = LabelSet().add("person")
    proposals = [
        Annotation(
            AnnotationId(f"p{i}"),
            labels.labels[0].id,
            from_box(10 * (i % 10), 10 * (i // 10), 10 * (i % 10) + 8, 10 * (i // 10) + 8),
            Source.YOLO_SAM,
            AnnotationReview.PENDING,
            detector_score=0.3 + 0.01 * i,
            run_id=RunId("r"),
        )
        for i in range(50)
    ]
    (key,) = dataset.keys
    run = Transaction(
        "Auto-annotate", ((key, edits.add(proposals)),), labels=labels, labels_before=dataset.labels
    )
    dataset.commit(run)
    dataset.close()
    user = open_window()
    user.desk.flows.files.open_folder(folder)
    user.until(lambda: len(user.annotations) == 50)
    user.key(Qt.Key.Key_Return, CONTROL)
    bar = user.window.message_bar
    user.until(lambda: any("your 50 decisions" in text for text in bar.texts()))
    assert sum("decisions" in text for text in bar.texts()) == 1
