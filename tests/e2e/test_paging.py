"""Going from image to image while masks, photos and edits are on their way."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt, QTimer

from samdesk.app import Services
from samdesk.dataset.dataset import Dataset
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.review import ImageReview
from samdesk.engine.protocols import EngineError
from samdesk.images.partial import PartialImage
from samdesk.images.reader import read_image
from samdesk.settings.table import PREFETCH
from samdesk.ui.canvas.progress_line import ProgressLine
from samdesk.ui.dataset.navigate import BLANK_AFTER_MS
from tests.e2e.conftest import OpenWindow
from tests.helpers.desk import CONTROL, PATIENCE_MS, SHIFT, User, lines
from tests.helpers.gated import Gate

K = Qt.Key


def centres(user: User) -> list[tuple[int, int]]:
    return [(round(a.region.centroid.x, -1), round(a.region.centroid.y, -1)) for a in user.annotations]


def test_a_mask_accepted_before_it_is_there_is_kept_on_its_own_image(user: User, folder: Path) -> None:
    user.predictor.decoding.close()
    user.mouse.click(100, 120)
    user.key(K.Key_Return)
    user.key(K.Key_D)
    assert user.shown == "0.png"
    assert user.annotations == ()
    user.predictor.decoding.open()
    user.until(lambda: user.shown == "1.png")
    assert user.annotations == ()
    user.until_saved()
    assert len(lines(folder / "0.png").lines) == 1
    assert not (folder / "1.txt").exists()
    user.go("0.png")
    assert centres(user) == [(100, 120)]


def test_accepted_while_the_photo_is_still_encoded(open_window: OpenWindow, folder: Path) -> None:
    user = open_window()
    user.predictor.encoding.close()
    user.open(folder)
    user.go("2.png")
    user.mouse.click(100, 120)
    user.key(K.Key_Return)
    user.key(K.Key_A)
    assert user.shown == "2.png"
    user.predictor.encoding.open()
    user.until(lambda: user.shown == "1.png")
    user.go("2.png")
    assert centres(user) == [(100, 120)]


def test_the_next_object_can_be_prompted_while_an_accepted_mask_is_on_its_way(user: User) -> None:
    user.add_labels("cat", "dog")
    user.predictor.decoding.close()
    user.key(K.Key_1)
    user.mouse.click(60, 60)
    user.predictor.decoding.wait_for_arrival()
    user.key(K.Key_Return)
    user.key(K.Key_2)
    user.mouse.click(200, 60)
    user.key(K.Key_Return)
    user.key(K.Key_1)
    user.mouse.click(60, 180)
    user.mouse.click(70, 190)
    user.predictor.decoding.open()
    user.until(lambda: len(user.annotations) == 2)
    assert centres(user) == [(60, 60), (200, 60)]
    assert user.names == ["cat", "dog"], "each with the label it was accepted with"
    user.until(lambda: user.proposed_at(70, 190))
    user.key(K.Key_Return)
    assert len(user.annotations) == 3
    assert len(user.annotations[2].prompts.points) == 2  # type: ignore[union-attr]


@pytest.mark.parametrize("key", [K.Key_Z, K.Key_Escape, K.Key_V, K.Key_P])
def test_what_was_accepted_is_kept_whatever_is_pressed_then(user: User, key: Qt.Key) -> None:
    user.predictor.decoding.close()
    user.mouse.click(60, 60)
    user.predictor.decoding.wait_for_arrival()
    user.key(K.Key_Return)
    user.key(key)
    user.key(K.Key_D)
    user.predictor.decoding.open()
    user.until(lambda: user.shown == "1.png")
    user.go("0.png")
    assert centres(user) == [(60, 60)]
    user.key(K.Key_Z, CONTROL)
    user.until(lambda: user.annotations == ())


def test_a_mask_that_fails_after_it_was_accepted_is_told_and_its_prompts_come_back(user: User) -> None:
    user.key(K.Key_H, SHIFT)
    user.predictor.decoding.close()
    user.predictor.prompt_errors.append(EngineError("no luck"))
    user.mouse.click(60, 60)
    user.key(K.Key_Return)
    user.key(K.Key_D)
    user.predictor.decoding.open()
    user.until(lambda: "no luck" in user.message_text)
    assert (user.shown, user.annotations) == ("0.png", ())
    assert user.desk.view.images.current == "0.png"
    user.click(70, 70)
    assert len(user.predictor.decoded[-1].points) == 2
    user.key(K.Key_Return)
    assert len(user.annotations) == 1


def test_a_click_that_failed_can_be_accepted_again(user: User) -> None:
    user.key(K.Key_H, SHIFT)
    user.predictor.prompt_errors.append(EngineError("no luck"))
    user.mouse.click(60, 60)
    user.until(lambda: "no luck" in user.message_text)
    user.key(K.Key_Return)
    user.key(K.Key_D)
    user.until(lambda: user.shown == "1.png")
    user.go("0.png")
    assert centres(user) == [(60, 60)]


def test_there_and_back_before_anything_has_come(user: User) -> None:
    for _ in range(3):
        user.key(K.Key_D)
        user.key(K.Key_A)
    assert user.shown == "0.png"
    user.qtbot.wait(2 * BLANK_AFTER_MS)
    assert user.shown == "0.png"
    assert user.canvas.image_size == (320, 240)
    assert len(user.annotations) == 0
    user.draw(100, 120)


@pytest.fixture
def slow(open_window: OpenWindow, folder: Path) -> tuple[User, Gate]:
    """The annotations of 1.png come when the gate opens; the photo before stays up as long as it takes."""
    gate = Gate()

    def opened(path: Path, store: Path | None) -> Dataset:
        dataset = Dataset.open(path, store_path=store)
        load = dataset.load

        def late(key: ImageKey) -> ImageDocument:
            if key == "1.png":
                gate.pass_through()
            return load(key)

        dataset.load = late  # type: ignore[method-assign]
        return dataset

    user = open_window(Services(open_dataset=opened))
    user.open(folder)
    user.desk.flows.navigate.set_blank_delay(PATIENCE_MS)
    gate.close()
    return user, gate


def test_a_click_on_the_old_photo_is_no_click_on_the_next(slow: tuple[User, Gate]) -> None:
    user, gate = slow
    user.key(K.Key_D)
    gate.wait_for_arrival()
    asked = len(user.predictor.decoded)
    user.mouse.click(100, 120)
    user.key(K.Key_Return)
    gate.open()
    user.until(lambda: user.shown == "1.png")
    assert len(user.predictor.decoded) == asked
    assert user.annotations == ()
    user.draw(200, 60)
    assert centres(user) == [(200, 60)]
    user.go("0.png")
    assert user.annotations == ()


def test_what_was_prompted_is_there_when_one_comes_back_at_once(slow: tuple[User, Gate]) -> None:
    user, gate = slow
    user.click(100, 120)
    user.key(K.Key_D)
    gate.wait_for_arrival()
    assert user.desk.flows.annotate.proposal is None
    user.mouse.click(30, 30)  # on the image that was left
    user.key(K.Key_A)
    gate.open()
    user.until(lambda: user.proposed_at(100, 120))
    user.key(K.Key_Return)
    assert centres(user) == [(100, 120)]
    (kept,) = user.annotations
    assert [(round(p.x), round(p.y)) for p in kept.prompts.points] == [(100, 120)]  # type: ignore[union-attr]


def test_the_photo_goes_when_the_next_takes_long(slow: tuple[User, Gate]) -> None:
    user, gate = slow
    user.desk.flows.navigate.set_blank_delay(0)
    user.key(K.Key_D)
    user.until(lambda: user.canvas.image_size is None)
    user.mouse.click(100, 120)
    gate.open()
    user.until(lambda: user.shown == "1.png")
    assert user.canvas.image_size == (320, 240)
    assert user.annotations == ()


def test_undo_works_after_closing_and_opening_again(
    user: User, folder: Path, open_window: OpenWindow
) -> None:
    user.draw(100, 120)
    user.go("1.png")
    user.draw(200, 60)
    user.key(K.Key_Z, CONTROL)
    user.close_window()
    later: User = open_window()
    later.open(folder)
    assert later.shown == "1.png", "where the user left off"
    assert later.annotations == ()
    later.key(K.Key_Z, CONTROL | SHIFT)
    later.until(lambda: centres(later) == [(200, 60)])
    later.key(K.Key_Z, CONTROL)
    later.key(K.Key_Z, CONTROL)
    later.until(lambda: later.shown == "0.png")
    later.key(K.Key_Z, CONTROL)
    later.until(lambda: later.annotations == ())
    later.until_saved()
    assert not (folder / "0.txt").exists()
    assert not (folder / "1.txt").exists()


def test_control_enter_marks_done_and_goes_on(user: User) -> None:
    user.draw(100, 120)
    user.key(K.Key_Return, CONTROL)
    user.until(lambda: user.shown == "1.png")
    user.until(lambda: "1 / 3 accepted" in user.desk.view.images.progress.text())
    user.go("0.png")
    assert user.document.review is ImageReview.ACCEPTED


@pytest.mark.parametrize("key", [K.Key_D, K.Key_Right, K.Key_PageDown])
def test_keys_of_the_next_image(user: User, key: Qt.Key) -> None:
    user.key(key)
    user.until(lambda: user.shown == "1.png")


def test_closing_keeps_a_mask_accepted_before_it_was_there(
    user: User, folder: Path, open_window: OpenWindow
) -> None:
    user.predictor.decoding.close()
    user.mouse.click(100, 120)
    user.predictor.decoding.wait_for_arrival()
    user.key(K.Key_Return)
    user.window.close()
    user.predictor.decoding.open()
    user.until(lambda: not user.window.isVisible())
    later: User = open_window()
    later.open(folder)
    assert centres(later) == [(100, 120)]


def test_pixels_that_arrive_once_more_show_no_older_document(user: User, folder: Path) -> None:
    # Paging back and forth requests an image twice; the second answer may come after the first edit.
    user.key(K.Key_R)
    user.mouse.drag((20, 20), (60, 60))
    assert len(user.annotations) == 1
    arrived: list[str] = []
    user.desk.workers.loader.loaded.connect(lambda key, _pixels: arrived.append(key))
    user.desk.workers.loader.load(ImageKey("0.png"), folder / "0.png")
    user.until(lambda: arrived == ["0.png"])
    assert len(user.annotations) == 1


def test_what_is_drawn_while_one_goes_back_to_an_image_stays(user: User, folder: Path) -> None:
    # The store is slow, so that the document that undo asks for is older than the edit after it.
    user.key(K.Key_R)
    user.mouse.drag((20, 20), (60, 60))
    user.mouse.drag((70, 20), (90, 60))
    user.until_saved()
    slow, navigate = threading.Event(), user.desk.flows.navigate
    user.desk.workers.storage.ask(lambda _dataset: slow.wait(PATIENCE_MS / 1000), lambda _: None)
    navigate.set_blank_delay(PATIENCE_MS)
    user.key(K.Key_D)
    user.key(K.Key_Z, CONTROL)
    user.key(K.Key_R)
    user.mouse.drag((100, 100), (140, 140))
    assert centres(user) == [(40, 40), (120, 120)]
    navigate.set_blank_delay(0)
    later: list[bool] = []
    QTimer.singleShot(1, lambda: later.append(True))  # after the delay of the blank
    user.until(lambda: bool(later))
    assert user.shown == "0.png", "it is requested again: nothing is blanked"
    slow.set()
    user.until_saved()
    user.until(lambda: centres(user) == [(40, 40), (120, 120)])
    assert len(lines(folder / "0.png").lines) == 2


def test_a_large_image_is_shown_coarsely_while_it_is_read(
    open_window: OpenWindow, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate()

    def read(path: Path, partial: PartialImage, *, max_pixels: int) -> np.ndarray:
        if path.name == "1.png":
            partial.begin(320, 240)
            partial.set_coarse(np.full((24, 32, 3), (0, 200, 0), np.uint8))
            gate.pass_through()
        return read_image(path, partial, max_pixels=max_pixels)

    monkeypatch.setattr("samdesk.app.read_image", read)
    user = open_window()
    user.desk.settings.set(PREFETCH, False)
    user.open(folder)
    gate.close()
    user.key(K.Key_D)
    user.until(lambda: user.canvas.image_key == "1.png")
    middle = user.canvas.to_widget(160, 120).toPoint()
    assert user.canvas.grab().toImage().pixelColor(middle).getRgb()[:3] == (0, 200, 0)
    assert user.canvas.findChild(ProgressLine).isVisible()
    assert (user.shown, user.annotations) == (None, ())
    user.key(K.Key_R)
    user.mouse.drag((130, 100), (180, 150))
    assert user.canvas.image_size is None, "nothing can be drawn yet"
    user.canvas.zoom_at(2, user.canvas.rect().center().toPointF())
    zoom = user.canvas.zoom
    gate.open()
    user.until(lambda: user.shown == "1.png")
    assert user.canvas.image_size == (320, 240)
    assert user.canvas.zoom == zoom, "it stays where the user has gone"
    user.until(lambda: user.canvas.grab().toImage().pixelColor(middle).getRgb()[:3] != (0, 200, 0))
    user.key(K.Key_R)
    user.mouse.drag((130, 100), (180, 150))
    user.until(lambda: len(user.annotations) == 1)
