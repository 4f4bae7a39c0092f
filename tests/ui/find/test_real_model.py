"""Find more like these with a real YOLOE network, whose weights are random: it finds objects everywhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from samdesk.app import Services
from samdesk.base import places
from samdesk.batch.models import Loaders
from samdesk.domain.review import AnnotationReview
from samdesk.engine.models.load import load_detector
from samdesk.engine.models.open_vocabulary import ModelUse, open_vocabulary_models, use_of
from samdesk.settings.table import AUTO_PARAMETERS
from samdesk.ui.auto_annotate.dialog import AutoAnnotateDialog
from tests.e2e.conftest import OpenWindow
from tests.helpers.desk import CONTROL, User, lines
from tests.helpers.finding import InnerPredictor
from tests.helpers.seeded_yoloe import save_yoloe
from tests.ui.find.test_find import dialog_of, draw, found

K = Qt.Key
MODEL = "yoloe-11n-seg.pt"


@pytest.fixture
def finder(open_window: OpenWindow, folder: Path) -> User:
    """A window with a model in the folder of weights, that nothing has told of."""
    places.weights().mkdir(parents=True, exist_ok=True)
    save_yoloe(places.weights() / MODEL)
    loaders = Loaders(
        lambda name, _device, precision: load_detector(name, "cpu", precision),
        lambda *_: InnerPredictor(),
        lambda: "inner.pt",
    )
    user = open_window(Services(loaders=loaders))
    user.desk.settings.set(AUTO_PARAMETERS["conf"], 0.05)
    user.desk.settings.set(AUTO_PARAMETERS["max_det"], 8)
    user.desk.settings.set(AUTO_PARAMETERS["imgsz"], 160)
    user.open(folder)
    user.add_labels("apple")
    return user


def test_a_real_network_finds_more_by_an_example_and_says_what_words_need(finder: User, folder: Path) -> None:
    assert open_vocabulary_models() == (MODEL,)
    assert use_of(places.weights() / MODEL) is ModelUse.CONCEPTS
    example = draw(finder, (100, 110), K.Key_1)
    finder.select(example)
    with finder.qtbot.waitSignal(finder.desk.flows.batch.finished, timeout=60_000) as ended:
        finder.key(K.Key_G, CONTROL)
    finder.until_saved()
    (summary,) = ended.args or ()
    assert summary.ok, summary
    assert 0 < summary.annotations <= 8
    finder.until(lambda: len(found(finder)) == summary.annotations)
    assert set(found(finder)) == {"apple"}
    kept, *more = sorted(finder.annotations, key=lambda a: a.review is AnnotationReview.PENDING)
    assert kept == example
    assert all(a.model == f"{MODEL} + inner.pt" and a.run_id for a in more)
    assert len(lines(folder / "0.png").lines) == 1 + summary.annotations
    finder.desk.session.undo(newest=True)
    finder.until(lambda: finder.annotations == (example,))

    finder.key(K.Key_B, CONTROL)
    dialog = dialog_of(finder, AutoAnnotateDialog)
    dialog.source.setCurrentIndex(dialog.source.findData("concepts"))
    finder.until(dialog.concepts.note.isVisible)
    assert dialog.detector_name == MODEL
    assert "mobileclip_blt.ts" in dialog.concepts.note.text()
    assert str(places.weights()) in dialog.concepts.note.text()
    finder.until(lambda: [len(c.examples) for c in dialog.plan().concepts] == [1])
    dialog.reject()
