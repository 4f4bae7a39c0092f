"""Going from image to image while masks, photos and edits are on their way."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from samdesk.app import Services
from samdesk.dataset.dataset import Dataset
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.review import ImageReview
from samdesk.engine.protocols import EngineError
from samdesk.ui.dataset.navigate import BLANK_AFTER_MS
from tests.e2e.conftest import Arrive
from tests.helpers.desk import CONTROL, PATIENCE_MS, SHIFT, Person, lines
from tests.helpers.gated import Gate

K = Qt.Key


def centres(person: Person) -> list[tuple[int, int]]:
    return [(round(a.region.centroid.x, -1), round(a.region.centroid.y, -1)) for a in person.annotations]


def test_a_mask_accepted_before_it_is_there_is_kept_on_its_own_image(person: Person, folder: Path) -> None:
    person.predictor.decoding.close()
    person.hands.click(100, 120)
    person.key(K.Key_Return)
    person.key(K.Key_D)
    assert person.shown == "0.png"
    assert person.annotations == ()
    person.predictor.decoding.open()
    person.until(lambda: person.shown == "1.png")
    assert person.annotations == ()
    person.until_saved()
    assert len(lines(folder / "0.png").lines) == 1
    assert not (folder / "1.txt").exists()
    person.go("0.png")
    assert centres(person) == [(100, 120)]


def test_accepted_while_the_photo_is_still_encoded(arrive: Arrive, folder: Path) -> None:
    person = arrive()
    person.predictor.encoding.close()
    person.open(folder)
    person.go("2.png")
    person.hands.click(100, 120)
    person.key(K.Key_Return)
    person.key(K.Key_A)
    assert person.shown == "2.png"
    person.predictor.encoding.open()
    person.until(lambda: person.shown == "1.png")
    person.go("2.png")
    assert centres(person) == [(100, 120)]


def test_the_next_object_can_be_prompted_while_an_accepted_mask_is_on_its_way(person: Person) -> None:
    person.add_labels("cat", "dog")
    person.predictor.decoding.close()
    person.key(K.Key_1)
    person.hands.click(60, 60)
    person.predictor.decoding.wait_for_arrival()
    person.key(K.Key_Return)
    person.key(K.Key_2)
    person.hands.click(200, 60)
    person.key(K.Key_Return)
    person.key(K.Key_1)
    person.hands.click(60, 180)
    person.hands.click(70, 190)
    person.predictor.decoding.open()
    person.until(lambda: len(person.annotations) == 2)
    assert centres(person) == [(60, 60), (200, 60)]
    assert person.names == ["cat", "dog"], "each with the label it was accepted with"
    person.until(lambda: person.proposed_at(70, 190))
    person.key(K.Key_Return)
    assert len(person.annotations) == 3
    assert len(person.annotations[2].prompts.points) == 2  # type: ignore[union-attr]


@pytest.mark.parametrize("key", [K.Key_Z, K.Key_Escape, K.Key_V, K.Key_P])
def test_what_was_accepted_is_kept_whatever_is_pressed_then(person: Person, key: Qt.Key) -> None:
    person.predictor.decoding.close()
    person.hands.click(60, 60)
    person.predictor.decoding.wait_for_arrival()
    person.key(K.Key_Return)
    person.key(key)
    person.key(K.Key_D)
    person.predictor.decoding.open()
    person.until(lambda: person.shown == "1.png")
    person.go("0.png")
    assert centres(person) == [(60, 60)]
    person.key(K.Key_Z, CONTROL)
    person.until(lambda: person.annotations == ())


def test_a_mask_that_fails_after_it_was_accepted_is_told_and_its_prompts_come_back(person: Person) -> None:
    person.key(K.Key_H, SHIFT)
    person.predictor.decoding.close()
    person.predictor.prompt_errors.append(EngineError("no luck"))
    person.hands.click(60, 60)
    person.key(K.Key_Return)
    person.key(K.Key_D)
    person.predictor.decoding.open()
    person.until(lambda: "no luck" in person.told)
    assert (person.shown, person.annotations) == ("0.png", ())
    assert person.desk.view.images.current == "0.png"
    person.click(70, 70)
    assert len(person.predictor.decoded[-1].points) == 2
    person.key(K.Key_Return)
    assert len(person.annotations) == 1


def test_a_click_that_failed_can_be_accepted_again(person: Person) -> None:
    person.key(K.Key_H, SHIFT)
    person.predictor.prompt_errors.append(EngineError("no luck"))
    person.hands.click(60, 60)
    person.until(lambda: "no luck" in person.told)
    person.key(K.Key_Return)
    person.key(K.Key_D)
    person.until(lambda: person.shown == "1.png")
    person.go("0.png")
    assert centres(person) == [(60, 60)]


def test_there_and_back_before_anything_has_come(person: Person) -> None:
    for _ in range(3):
        person.key(K.Key_D)
        person.key(K.Key_A)
    assert person.shown == "0.png"
    person.qtbot.wait(2 * BLANK_AFTER_MS)
    assert person.shown == "0.png"
    assert person.canvas.image_size == (320, 240)
    assert len(person.annotations) == 0
    person.draw(100, 120)


@pytest.fixture
def slow(arrive: Arrive, folder: Path) -> tuple[Person, Gate]:
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

    person = arrive(Services(open_dataset=opened))
    person.open(folder)
    person.desk.flows.navigate.set_blank_delay(PATIENCE_MS)
    gate.close()
    return person, gate


def test_a_click_on_the_old_photo_is_no_click_on_the_next(slow: tuple[Person, Gate]) -> None:
    person, gate = slow
    person.key(K.Key_D)
    gate.wait_for_arrival()
    asked = len(person.predictor.decoded)
    person.hands.click(100, 120)
    person.key(K.Key_Return)
    gate.open()
    person.until(lambda: person.shown == "1.png")
    assert len(person.predictor.decoded) == asked
    assert person.annotations == ()
    person.draw(200, 60)
    assert centres(person) == [(200, 60)]
    person.go("0.png")
    assert person.annotations == ()


def test_what_was_prompted_is_gone_when_one_comes_back(slow: tuple[Person, Gate]) -> None:
    person, gate = slow
    person.click(100, 120)
    person.key(K.Key_D)
    gate.wait_for_arrival()
    assert person.desk.flows.annotate.proposal is None
    person.key(K.Key_A)
    gate.open()
    person.until_saved()
    person.draw(200, 60)
    assert centres(person) == [(200, 60)]


def test_the_photo_goes_when_the_next_takes_long(slow: tuple[Person, Gate]) -> None:
    person, gate = slow
    person.desk.flows.navigate.set_blank_delay(0)
    person.key(K.Key_D)
    person.until(lambda: person.canvas.image_size is None)
    person.hands.click(100, 120)
    gate.open()
    person.until(lambda: person.shown == "1.png")
    assert person.canvas.image_size == (320, 240)
    assert person.annotations == ()


def test_undo_and_redo_go_to_the_image_they_are_about(person: Person, folder: Path) -> None:
    first = person.draw(100, 120)
    person.go("1.png")
    second = person.draw(200, 60)
    person.key(K.Key_Z, CONTROL)
    assert person.annotations == ()
    person.key(K.Key_Z, CONTROL)
    person.until(lambda: person.shown == "0.png")
    person.until(lambda: person.annotations == ())
    person.key(K.Key_Z, CONTROL | SHIFT)
    person.until(lambda: person.annotations == (first,))
    person.key(K.Key_Z, CONTROL | SHIFT)
    person.until(lambda: person.shown == "1.png")
    person.until(lambda: person.annotations == (second,))
    person.until_saved()
    assert [len(lines(folder / f"{i}.png").lines) for i in range(2)] == [1, 1]


def test_undo_twice_at_once_ends_on_the_image_of_the_second(person: Person) -> None:
    person.draw(100, 120)
    person.go("1.png")
    person.draw(200, 60)
    person.go("0.png")
    person.key(K.Key_Z, CONTROL)
    person.key(K.Key_Z, CONTROL)
    person.until(lambda: person.desk.workers.storage.history.pending == 0)
    person.until(lambda: person.desk.flows.navigate.key == "0.png" and person.shown == "0.png")
    person.until(lambda: person.annotations == ())


def test_undo_works_after_closing_and_opening_again(person: Person, folder: Path, arrive: Arrive) -> None:
    person.draw(100, 120)
    person.go("1.png")
    person.draw(200, 60)
    person.key(K.Key_Z, CONTROL)
    person.leave()
    later: Person = arrive()
    later.open(folder)
    assert later.shown == "1.png", "where the user left off"
    assert later.annotations == ()
    later.key(K.Key_Z, CONTROL | SHIFT)
    later.until(lambda: centres(later) == [(200, 60)])
    later.key(K.Key_Z, CONTROL)
    later.key(K.Key_Z, CONTROL)
    later.until(lambda: later.shown == "0.png" and later.annotations == ())
    later.until_saved()
    assert not (folder / "0.txt").exists()
    assert not (folder / "1.txt").exists()


def test_control_enter_marks_done_and_goes_on(person: Person) -> None:
    person.draw(100, 120)
    person.key(K.Key_Return, CONTROL)
    person.until(lambda: person.shown == "1.png")
    person.until(lambda: "1 / 3 accepted" in person.desk.view.images.progress.text())
    person.go("0.png")
    assert person.document.review is ImageReview.ACCEPTED


@pytest.mark.parametrize("key", [K.Key_D, K.Key_Right, K.Key_PageDown])
def test_keys_of_the_next_image(person: Person, key: Qt.Key) -> None:
    person.key(key)
    person.until(lambda: person.shown == "1.png")


def test_closing_keeps_a_mask_accepted_before_it_was_there(
    person: Person, folder: Path, arrive: Arrive
) -> None:
    person.predictor.decoding.close()
    person.hands.click(100, 120)
    person.predictor.decoding.wait_for_arrival()
    person.key(K.Key_Return)
    person.window.close()
    person.predictor.decoding.open()
    person.until(lambda: not person.window.isVisible())
    later: Person = arrive()
    later.open(folder)
    assert centres(later) == [(100, 120)]
