"""Find more like these, in the real window: a model that finds what has the colour of the example."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from PIL import Image, ImageDraw
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog

from samdesk.app import Services
from samdesk.batch.models import Loaders
from samdesk.domain.annotation import Annotation
from samdesk.domain.review import AnnotationReview, ImageReview
from samdesk.settings.table import AUTO_OPEN_MODEL, AUTO_PARAMETERS, FIND_SCOPE
from samdesk.ui.auto_annotate.dialog import AutoAnnotateDialog
from samdesk.ui.auto_annotate.runs_dialog import RunsDialog
from tests.e2e.conftest import OpenWindow
from tests.helpers.concepts import ColourConcepts
from tests.helpers.desk import CONTROL, SIZE, User, lines
from tests.helpers.finding import InnerPredictor

K = Qt.Key
RED, BLUE = (220, 60, 40), (40, 90, 220)
REDS = ((50, 60), (150, 60), (250, 60))
BLUES = ((90, 170), (210, 170))
RADIUS = 32


def discs(path: Path, reds: int, blues: int, seed: int) -> None:
    ground = np.random.default_rng(seed).integers(90, 130, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
    image = Image.fromarray(ground)
    draw = ImageDraw.Draw(image)
    for places, count, colour in ((REDS, reds, RED), (BLUES, blues, BLUE)):
        for x, y in places[:count]:
            draw.ellipse((x - RADIUS, y - RADIUS, x + RADIUS, y + RADIUS), fill=colour)
    image.save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three images of red and blue discs."""
    made = tmp_path / "discs"
    made.mkdir()
    for i, (reds, blues) in enumerate(((3, 2), (2, 1), (0, 2))):
        discs(made / f"{i}.png", reds, blues, i)
    return made


@pytest.fixture
def model() -> ColourConcepts:
    return ColourConcepts()


@pytest.fixture
def finder(open_window: OpenWindow, folder: Path, model: ColourConcepts, tmp_path: Path) -> User:
    loaders = Loaders(lambda *_: model, lambda *_: InnerPredictor(), lambda: "inner.pt")  # type: ignore[arg-type, return-value]
    user = open_window(Services(loaders=loaders))
    (tmp_path / "open.pt").write_bytes(b"weights")
    user.desk.settings.set(AUTO_OPEN_MODEL, str(tmp_path / "open.pt"))
    user.open(folder)
    user.add_labels("apple", "sky")
    return user


def draw(user: User, place: tuple[int, int], label: K) -> Annotation:
    user.key(K.Key_S)
    return user.draw(*place, label)


def find(user: User, trigger: Callable[[], object]) -> None:
    with user.qtbot.waitSignal(user.desk.flows.batch.finished, timeout=20_000):
        trigger()
    user.until_saved()


def ctrl_g(user: User) -> Callable[[], object]:
    return lambda: user.key(K.Key_G, CONTROL)


def choose(user: User, command: str) -> Callable[[], object]:
    return lambda: user.desk.view.actions.trigger(command)


def found(user: User) -> list[str]:
    names = user.names
    states = [a.review for a in user.annotations]
    return [name for name, state in zip(names, states, strict=True) if state is AnnotationReview.PENDING]


def result(user: User) -> str:
    bar = user.desk.view.batch_bar
    user.until(lambda: bar.shows_result)
    return bar.detail.text()


D = TypeVar("D", bound=QDialog)


def dialog_of(user: User, kind: type[D]) -> D:
    user.until(lambda: any(d.isVisible() for d in user.window.findChildren(kind)))
    return next(d for d in user.window.findChildren(kind) if d.isVisible())


def test_more_like_the_selected_one_appear_on_this_image_and_one_undo_takes_them_back(
    finder: User, folder: Path
) -> None:
    example = draw(finder, REDS[0], K.Key_1)
    finder.select(example)
    find(finder, ctrl_g(finder))
    assert finder.shown == "0.png"
    finder.until(lambda: len(finder.annotations) == 3)
    assert finder.annotations[0] == example, "what the user has drawn stays"
    assert found(finder) == ["apple", "apple"]
    assert (
        result(finder)
        == "Found 2 more like these on this image  ·  Hide by score (Ctrl+H) leaves out the doubtful ones"
    )
    assert len(lines(folder / "0.png").lines) == 3
    assert not (folder / "1.txt").exists(), "this image only"
    bar = finder.desk.view.batch_bar
    finder.until(lambda: bar.review.text() == "Review 2, most doubtful first")
    finder.until(bar.undo.isEnabled)
    finder.qtbot.mouseClick(bar.undo, Qt.MouseButton.LeftButton)
    finder.until(lambda: finder.annotations == (example,))
    finder.until_saved()
    assert len(lines(folder / "0.png").lines) == 1


def test_each_label_of_the_selection_finds_its_own(finder: User, model: ColourConcepts) -> None:
    draw(finder, REDS[0], K.Key_1)
    draw(finder, BLUES[0], K.Key_2)
    finder.key(K.Key_A, CONTROL)
    find(finder, ctrl_g(finder))
    finder.until(lambda: len(finder.annotations) == 5)
    assert found(finder) == ["apple", "apple", "sky"]
    (asked,) = model.asked
    assert [(c.label, c.texts, len(c.exemplars)) for c in asked] == [("apple", (), 1), ("sky", (), 1)]
    assert asked[0].exemplars[0].box == (20.0, 30.0, 80.0, 90.0)


def test_the_folder_is_looked_through_but_what_is_accepted_and_the_key_remembers_it(
    finder: User, folder: Path
) -> None:
    finder.go("1.png")
    finder.key(K.Key_Return, CONTROL)
    finder.until(lambda: finder.shown == "2.png")
    finder.go("0.png")
    finder.select(draw(finder, BLUES[0], K.Key_2))
    find(finder, choose(finder, "find.folder"))
    assert result(finder).startswith("Found 3 more like these on 2 images  ·  1 accepted image left alone")
    finder.until(lambda: len(finder.annotations) == 2)
    assert not (folder / "1.txt").exists() or not lines(folder / "1.png").lines
    finder.go("1.png")
    assert finder.document.review is ImageReview.ACCEPTED
    finder.go("2.png")
    assert found(finder) == ["sky", "sky"]
    assert finder.desk.settings.get(FIND_SCOPE) == "FOLDER"
    assert finder.desk.view.actions.action("find.again").text() == "Again in the folder"
    assert not finder.is_enabled("find.found"), "nothing is searched for"


def test_the_search_result_is_looked_through(finder: User, folder: Path) -> None:
    example = draw(finder, REDS[0], K.Key_1)
    finder.until_saved()
    finder.desk.flows.search.search_for("count:0")
    finder.until(lambda: finder.desk.view.images.found is not None)
    finder.go("0.png")
    finder.until(lambda: set(finder.desk.view.images.found or ()) == {"1.png", "2.png"})
    finder.select(example)
    find(finder, choose(finder, "find.found"))
    assert result(finder).startswith("Found 2 more like these on 1 image")
    assert len(finder.annotations) == 1, "it is not in the search result"
    assert len(lines(folder / "1.png").lines) == 2


def test_nothing_found_offers_a_lower_confidence_and_changes_no_setting(finder: User) -> None:
    conf = AUTO_PARAMETERS["conf"]
    finder.desk.settings.set(conf, 0.7)  # what is blue has 0.6
    finder.select(draw(finder, BLUES[0], K.Key_2))
    find(finder, ctrl_g(finder))
    assert "on this image has a confidence of 0.70 or more" in finder.message_text
    assert result(finder) == "Nothing more like these on this image"
    find(finder, lambda: finder.press("Look again from 0.25"))
    finder.until(lambda: found(finder) == ["sky"])
    assert finder.desk.settings.get(conf) == 0.7
    assert finder.desk.flows.batch.last is None, "how the next run of the dialog is made stays, too"


def test_without_a_model_it_says_where_to_get_one_and_goes_on_with_the_chosen_file(
    finder: User, tmp_path: Path
) -> None:
    finder.desk.settings.set(AUTO_OPEN_MODEL, str(tmp_path / "gone.pt"))
    finder.select(draw(finder, REDS[0], K.Key_1))
    finder.key(K.Key_G, CONTROL)
    finder.until(lambda: "yoloe-11s-seg.pt" in finder.message_text)
    assert "https://" in finder.message_text
    assert not finder.desk.flows.batch.running
    finder.answers.file = tmp_path / "open.pt"
    find(finder, lambda: finder.press("Choose the model…"))
    finder.until(lambda: len(found(finder)) == 2)
    assert finder.desk.settings.get(AUTO_OPEN_MODEL) == str(tmp_path / "open.pt")


def test_it_needs_a_selection_and_no_run_in_progress(finder: User) -> None:
    commands = ("find.image", "find.folder", "find.again")
    assert not any(map(finder.is_enabled, commands))
    finder.select(draw(finder, REDS[0], K.Key_1))
    assert all(map(finder.is_enabled, commands))


def test_labels_are_looked_for_from_the_dialog_and_the_run_is_made_again(
    finder: User, folder: Path, model: ColourConcepts
) -> None:
    draw(finder, REDS[0], K.Key_1)
    finder.until_saved()
    finder.key(K.Key_B, CONTROL)
    asked = dialog_of(finder, AutoAnnotateDialog)
    asked.source.setCurrentIndex(asked.source.findData("concepts"))
    assert asked.detector_name == finder.desk.settings.get(AUTO_OPEN_MODEL)
    cells = asked.concepts.table.model()
    finder.until(lambda: cells.index(0, 2).data() == "1 of 1")
    assert cells.index(1, 2).data() == "none"
    cells.setData(cells.index(1, 1), "blue, blue thing")
    finder.until(asked.start_button.isEnabled)
    find(finder, lambda: finder.qtbot.mouseClick(asked.start_button, Qt.MouseButton.LeftButton))
    assert [(c.label, c.texts, len(c.exemplars)) for c in model.asked[0]] == [
        ("apple", ("apple",), 1), ("sky", ("blue", "blue thing"), 0),
    ]  # fmt: skip
    assert len(lines(folder / "0.png").lines) == 1, "it has annotations"
    finder.go("1.png")
    assert found(finder) == ["apple", "apple", "sky"]

    finder.go("0.png")
    finder.key(K.Key_B, CONTROL)
    again = dialog_of(finder, AutoAnnotateDialog)
    assert again.plan().concepts == finder.desk.flows.batch.plan.concepts, "as the last run was made"
    again.reject()
    finder.desk.view.actions.trigger("run.history")
    runs = dialog_of(finder, RunsDialog)
    finder.until(lambda: runs.run is not None)
    assert "Looks for: apple: 1 example; sky:" in runs.details.toPlainText()
    assert "Objects from: My labels (open vocabulary)" in runs.details.toPlainText()
    finder.qtbot.mouseClick(runs.again, Qt.MouseButton.LeftButton)
    third = dialog_of(finder, AutoAnnotateDialog)
    assert third.plan().concepts == finder.desk.flows.batch.plan.concepts
    third.reject()
