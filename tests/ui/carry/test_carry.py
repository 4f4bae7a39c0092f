"""Carrying annotations to the next image in the real window: the document, the label files, the bar, undo."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import Qt
from shapely.geometry import Point

from samdesk.domain import edits
from samdesk.domain.annotation import Annotation, Source, new_annotation_id
from samdesk.domain.geometry.regions import clean, from_box, iou, translate
from samdesk.domain.geometry.types import RgbImage
from samdesk.domain.review import AnnotationReview, ImageReview
from samdesk.ui.auto_annotate.runs_dialog import RunsDialog
from samdesk.ui.canvas.style import Mark
from tests.e2e.conftest import OpenWindow
from tests.helpers.desk import CONTROL, SHIFT, SIZE, User
from tests.helpers.gated import Gate
from tests.helpers.gestures import Gestures, saved
from tests.helpers.moving import pan, scene

K = Qt.Key
STEP = 9
"""The camera moves this far from image to image, pixels."""
ORIENTATION = 0x0112
DISC = clean(Point(120, 100).buffer(30))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four images of a camera that moves to the right and a little down."""
    return pan(tmp_path / "walk", [(STEP * i, 2 * i) for i in range(4)])


def moved(annotation: Annotation, steps: int = 1) -> Annotation:
    """Where an annotation of the first image really is, some images later."""
    return Annotation(
        annotation.id, annotation.label_id, translate(annotation.region, -STEP * steps, -2.0 * steps)
    )


class Carrying:
    """A user who carries objects along; where they are is found once the gate is open."""

    def __init__(self, user: User) -> None:
        self.user = user
        self.carry = user.desk.flows.data.carry
        self.gate = Gate()
        client = self.carry._client
        read = client._read

        def read_at_gate(path: Path) -> RgbImage:
            self.gate.pass_through()
            return read(path)

        client._read = read_at_gate

    def go_on(self) -> None:
        self.user.key(K.Key_D, CONTROL | SHIFT)

    def until_settled(self) -> None:
        self.user.until(lambda: not self.carry.carrying and not self.carry.redrawing)

    def carry_on(self) -> None:
        self.go_on()
        self.until_settled()

    def carry_few(self) -> None:
        self.user.desk.view.actions.action("carry.few").trigger()
        self.until_settled()

    @property
    def said(self) -> str:
        """What the bar says."""
        bar = self.carry._bar
        return f"{bar.heading.text()}. {bar.detail.text().strip()}" if bar.isVisible() else ""

    @property
    def reviews(self) -> list[AnnotationReview]:
        return [a.review for a in self.user.annotations]

    def mark(self, annotation: Annotation) -> Mark:
        shape = self.user.canvas.shape(annotation.id)
        assert shape is not None
        return shape.mark


@pytest.fixture
def two(user: User) -> Iterator[Carrying]:
    """A user with a cat and a dog on the first image."""
    made = begin(user)
    yield made
    made.gate.open()


def begin(user: User) -> Carrying:
    user.add_labels("cat", "dog")
    user.draw(120, 100, K.Key_1)
    user.draw(230, 150, K.Key_2)
    user.until_saved()
    return Carrying(user)


def contents(folder: Path) -> dict[str, bytes]:
    """The label files."""
    return {path.name: path.read_bytes() for path in folder.glob("*.txt")}


PENDING, ACCEPTED, REJECTED = AnnotationReview.PENDING, AnnotationReview.ACCEPTED, AnnotationReview.REJECTED


def test_the_next_image_has_the_objects_where_they_are_now_and_enter_accepts_them(
    two: Carrying, folder: Path
) -> None:
    user, (cat, dog) = two.user, two.user.annotations
    before, first = (folder / "0.txt").read_bytes(), user.document
    two.carry_on()
    assert user.shown == "1.png"
    assert user.names == ["cat", "dog"]
    assert two.reviews == [PENDING, PENDING]
    for source, now in zip((cat, dog), user.annotations, strict=True):
        assert iou(now.region, moved(source).region) > 0.93
        assert (now.source, now.track, now.label_id) == (Source.CARRIED, source.track_of, source.label_id)
        assert now.run_id is not None
        assert two.mark(now) is Mark.PENDING
    assert two.said == "2 objects carried from 0.png. "
    assert user.document.review is ImageReview.UNREVIEWED
    user.key(K.Key_Return)
    assert two.reviews == [ACCEPTED, ACCEPTED]
    assert two.said == "2 objects carried from 0.png: 2 accepted. "
    gestures = Gestures(user)
    gestures.key(K.Key_D, CONTROL | SHIFT)
    user.until(lambda: user.shown == "2.png" and len(user.annotations) == 2)
    gestures.key(K.Key_Return)
    assert two.reviews == [ACCEPTED, ACCEPTED]
    assert gestures.count == 2
    assert [a.track for a in user.annotations] == [cat.track_of, dog.track_of]
    assert iou(user.annotations[0].region, moved(cat, 2).region) > 0.9
    user.until_saved()
    assert (folder / "0.txt").read_bytes() == before
    user.go("0.png")
    assert user.document == first


def test_one_undo_takes_it_back_and_one_redo_brings_it_back(two: Carrying, folder: Path) -> None:
    user = two.user
    before = saved(user)
    two.carry_on()
    after = saved(user)
    assert len(after[0]) == len(before[0]) + 3, "two annotations, and the row of the image"
    user.key(K.Key_Z, CONTROL)
    user.until(lambda: user.annotations == ())
    user.until_saved()
    assert not (folder / "1.txt").exists()
    assert [row for row in saved(user)[0] if "1.png" not in row] == before[0]
    assert saved(user)[1] == before[1]
    assert two.said == ""
    user.key(K.Key_Z, CONTROL | SHIFT)
    user.until(lambda: len(user.annotations) == 2)
    assert saved(user) == after
    assert two.said == "2 objects carried from 0.png. "


def test_tab_swaps_the_outlines_of_all_or_of_the_selection_and_they_stay_pending(two: Carrying) -> None:
    user = two.user
    user.predictor.radius = 25.0
    two.carry_on()
    first = [a.region for a in user.annotations]
    user.key(K.Key_Tab)
    redrawn = [a.region for a in user.annotations]
    assert [round(r.area) for r in redrawn] == [pytest.approx(3.14 * 25**2, rel=0.03)] * 2
    assert two.reviews == [PENDING, PENDING]
    assert [a.mask_score for a in user.annotations] == [0.9, 0.9]
    user.key(K.Key_Tab)
    assert [a.region for a in user.annotations] == first
    user.select(user.annotations[1])
    user.key(K.Key_Tab)
    assert [a.region for a in user.annotations] == [first[0], redrawn[1]]
    user.until_saved()
    user.key(K.Key_Z, CONTROL)
    assert [a.region for a in user.annotations] == first
    user.until_saved()
    user.key(K.Key_Z, CONTROL)
    assert [a.region for a in user.annotations] == redrawn
    assert two.reviews == [PENDING, PENDING]


def test_what_is_doubtful_comes_first_stands_out_and_is_decided_one_by_one(two: Carrying) -> None:
    user = two.user
    user.predictor.radius = 8.0
    two.carry_on()
    cat, dog = user.annotations
    assert user.canvas.selection == {cat.id}
    assert two.mark(dog) is Mark.DOUBTFUL
    assert "2 doubtful: cat, dog – the mask model draws another outline here" in two.said
    assert any(tag.text.startswith("dog") for tag in user.canvas.tags())
    user.key(K.Key_X)
    user.until(lambda: user.canvas.selection == {dog.id})
    assert [a.id for a in user.document.rejected] == [cat.id]
    assert "1 doubtful: dog" in two.said
    user.key(K.Key_Escape)
    assert user.canvas.selection == frozenset()
    user.key(K.Key_Escape)
    assert user.annotations == ()
    assert two.said.startswith("2 objects carried from 0.png: 2 rejected")
    user.key(K.Key_Z, CONTROL)
    assert two.reviews == [PENDING]


def another_scene(folder: Path) -> str:
    scene(5).crop((0, 0, *SIZE)).save(folder / "1.png")
    return "2 left behind: cat, dog – nothing on the next image looks like it"


def another_size(folder: Path) -> str:
    pan(folder / "small", [(0, 0)], size=(160, 120))
    (folder / "small" / "0.png").rename(folder / "1.png")
    (folder / "small").rmdir()
    return "2 left behind: cat, dog – the next image has another size: 160 x 120, not 320 x 240 pixels"


def rotated(folder: Path) -> str:
    image = Image.open(folder / "0.png")
    exif = image.getexif()
    exif[ORIENTATION] = 6
    image.save(folder / "1.png", exif=exif)
    return "2 left behind: cat, dog – the next image is turned by 90 degrees"


@pytest.mark.parametrize("make", [another_scene, another_size, rotated])
def test_what_has_no_place_on_the_next_image_is_not_proposed_and_that_is_explained(
    two: Carrying, folder: Path, make: Callable[[Path], str]
) -> None:
    user = two.user
    before, steps, words = contents(folder), user.desk.session.history.texts, make(folder)
    two.carry_on()
    assert user.shown == "1.png"
    assert user.annotations == ()
    assert two.said == f"Nothing was carried from 0.png. {words}"
    user.until_saved()
    assert contents(folder) == before
    assert user.desk.session.history.texts == steps
    user.key(K.Key_A)
    user.until(lambda: user.shown == "0.png")
    assert two.said == ""


def test_the_next_images_are_gone_through_until_the_last_and_one_that_is_doubtful_stops_it(
    two: Carrying, folder: Path
) -> None:
    user = two.user
    two.carry_few()
    user.until(lambda: user.shown == "3.png")
    assert "Carried to 3 images: 3.png is the last one" in two.said
    assert "6 carried annotations on 3 images to review." in user.message_text
    for key in ("2.png", "1.png"):
        user.go(key)
        assert user.names == ["cat", "dog"]
        assert two.reviews == [PENDING, PENDING]
        assert two.said == "2 objects carried from " + {"2.png": "1.png", "1.png": "0.png"}[key] + ". "
    user.until_saved()
    user.desk.view.actions.action("run.history").trigger()
    user.until(lambda: any(d.isVisible() and d.run for d in user.window.findChildren(RunsDialog)))
    runs = next(d for d in user.window.findChildren(RunsDialog) if d.isVisible())
    runs.undo.click()  # all images of the carry
    user.until(lambda: runs.run is not None and runs.run.state == "undone")
    runs.reject()
    user.until_saved()
    for key in ("1.png", "2.png", "3.png"):
        user.go(key)
        assert user.names == []
    user.go("0.png")
    assert user.names == ["cat", "dog"]


def test_what_was_carried_through_images_is_reviewed_and_the_review_has_its_own_order(two: Carrying) -> None:
    user = two.user
    two.carry_few()
    user.press("Review")
    user.until(lambda: user.desk.flows.review.shown is not None)
    two.go_on()
    assert "End the review first" in user.message_text
    for _ in range(6):
        shown = user.desk.flows.review.shown
        assert shown is not None
        user.key(K.Key_E)
        user.until(lambda before=shown: user.desk.flows.review.shown is not before)  # type: ignore[misc]
        if not user.desk.flows.review.active:
            break
        user.until(lambda: user.desk.flows.review.shown is not None or not user.desk.flows.review.active)
    user.until(lambda: not user.desk.flows.review.active)
    for key in ("1.png", "2.png", "3.png"):
        user.go(key)
        assert two.reviews == [ACCEPTED, ACCEPTED]


def test_a_doubt_stops_it_and_says_so(two: Carrying, folder: Path) -> None:
    user = two.user
    scene(5).crop((0, 0, *SIZE)).save(folder / "3.png")
    two.carry_few()
    assert user.shown == "3.png"
    assert two.said.startswith("Nothing was carried from 2.png. Stopped at image 3 of 5. 2 left behind")
    user.go("2.png")
    assert two.reviews == [PENDING, PENDING]
    user.go("0.png")
    user.draw(60, 180)
    user.predictor.radius = 8.0
    user.canvas.set_selection({user.annotations[2].id})
    two.carry_few()
    assert user.shown == "1.png"
    assert "Stopped at image 1 of 5. 1 doubtful: dog – the mask model draws another outline here" in two.said
    assert user.canvas.selection == {user.annotations[2].id}


def test_paging_on_cancels_it_and_nothing_is_changed(two: Carrying, folder: Path) -> None:
    user = two.user
    before, steps = contents(folder), user.desk.session.history.texts
    two.gate.close()
    two.go_on()
    two.gate.wait_for_arrival()
    user.until(lambda: user.shown == "1.png")
    assert two.said.startswith("Carrying 2 objects from 0.png to 1.png…")
    user.key(K.Key_D)
    user.until(lambda: user.shown == "2.png")
    assert "Carrying to 1.png was cancelled, as you went on." in user.message_text
    assert two.said == ""
    two.gate.open()
    two.go_on()
    assert "This image has no annotations: there is nothing to carry." in user.message_text
    for key in ("1.png", "3.png", "0.png"):
        user.go(key)
    assert [len(user.annotations), contents(folder), user.desk.session.history.texts] == [2, before, steps]
    two.gate.close()
    two.go_on()
    user.until(lambda: user.shown == "1.png")
    user.key(K.Key_Escape)
    assert "Carrying to 1.png was cancelled." in user.message_text
    two.gate.open()
    user.key(K.Key_Z, CONTROL)  # names the step of the first image, and goes there
    user.until(lambda: user.shown == "0.png")
    assert user.names == ["cat", "dog"]


def test_an_undo_while_it_is_under_way_goes_back_and_nothing_is_made(two: Carrying) -> None:
    user = two.user
    two.gate.close()
    two.go_on()
    user.until(lambda: user.shown == "1.png")
    user.key(K.Key_Z, CONTROL)
    user.until(lambda: user.shown == "0.png")
    two.gate.open()
    assert not two.carry.carrying
    user.key(K.Key_Z, CONTROL)
    assert user.names == ["cat"]
    user.go("1.png")
    assert user.annotations == ()


def test_what_is_there_already_or_was_rejected_there_is_not_proposed_again(two: Carrying) -> None:
    user = two.user
    two.carry_on()
    user.key(K.Key_V)
    user.select(user.annotations[1])
    user.key(K.Key_X)
    user.key(K.Key_Return)
    user.go("0.png")
    two.carry_on()
    assert user.names == ["cat"]
    assert two.said == "Nothing was carried from 0.png. 1 is here already. 1 was rejected here before"
    user.until_saved()
    user.go("2.png")
    twin = Annotation(
        new_annotation_id(), user.desk.session.model.labels.labels[0].id, from_box(72, 66, 132, 126)
    )
    assert user.desk.session.edit("Add", edits.add([twin]))
    user.go("0.png")
    user.go("1.png")
    user.select(user.annotations[0])
    two.carry_on()
    assert user.annotations == (twin,)
    assert "1 is here already" in two.said


def test_what_is_hidden_stays_unless_it_is_selected_and_what_is_locked_comes_along(two: Carrying) -> None:
    user = two.user
    cat, dog = user.annotations
    user.desk.session.locks.set_locked({cat.id, dog.id}, locked=True)
    user.desk.view.annotations.show_hidden(frozenset({dog.id}))
    two.carry_on()
    assert user.names == ["cat"]
    assert two.said == "1 object carried from 0.png. 1 hidden object not carried"
    user.go("0.png")
    assert user.annotations == (cat, dog)
    user.canvas.set_selection({dog.id})
    two.carry_on()
    assert user.names == ["cat", "dog"]
    user.key(K.Key_Return)
    assert two.reviews == [ACCEPTED, ACCEPTED]
    assert user.canvas.selection == {a.id for a in user.annotations}, "the same objects go on"
    two.carry_on()
    user.desk.view.annotations.show_hidden(frozenset({user.annotations[1].id}))
    user.key(K.Key_Return)
    assert two.reviews == [ACCEPTED, PENDING], "what cannot be seen is not accepted"
    user.key(K.Key_Return)
    assert "What was carried here is hidden" in user.message_text


def test_why_nothing_can_be_carried_is_said(two: Carrying, folder: Path) -> None:
    user = two.user
    user.go("3.png")
    two.go_on()
    assert "This image has no annotations" in user.message_text
    user.draw(100, 100)
    two.go_on()
    assert "3.png is the last image: there is none to carry to." in user.message_text
    user.until_saved()
    (folder / "1.png").write_bytes(b"no image")
    user.go("0.png")
    two.go_on()
    user.until(lambda: not two.carry.carrying)
    assert "Nothing was carried" in user.message_text
    user.until(lambda: user.shown is None)
    user.go("0.png")
    user.desk.session.read_only = True
    two.go_on()
    assert "This dataset is open read-only: nothing can be carried" in user.message_text
    assert user.shown == "0.png"
    user.desk.session.read_only = False


def test_without_a_model_the_moved_outlines_come_at_once_and_the_others_with_it(
    open_window: OpenWindow, folder: Path
) -> None:
    user = open_window()
    user.models.gate.close()
    user.open(folder)
    user.add_labels("cat")
    label = user.desk.session.model.labels.labels[0]
    user.desk.session.edit("Add", edits.add([Annotation(new_annotation_id(), label.id, DISC)]))
    two = Carrying(user)
    two.go_on()
    user.until(lambda: user.names == ["cat"] and user.shown == "1.png")
    assert two.said == "1 object carried from 0.png. Redrawn as soon as the mask model is loaded"
    user.key(K.Key_Tab)
    assert "The mask model is not loaded yet" in user.message_text
    user.predictor.radius = 6.0
    user.models.gate.open()
    user.until(lambda: "1 doubtful" in two.said)
    user.key(K.Key_Tab)
    assert user.annotations[0].region.area == pytest.approx(3.14 * 36, rel=0.1)
    assert two.reviews == [PENDING]
    user.key(K.Key_Return)
    assert two.reviews == [ACCEPTED]


def test_unfinished_work_is_kept_and_a_mask_that_is_being_made_is_carried_too(two: Carrying) -> None:
    user = two.user
    user.click(60, 180)
    two.carry_on()
    assert "The unfinished mask on 0.png is kept until you come back." in user.message_text
    user.go("0.png")
    user.until(lambda: user.desk.flows.annotate.has_prompts)
    user.key(K.Key_Escape)
    user.predictor.decoding.close()
    user.mouse.click(60, 180)
    user.key(K.Key_Return)
    assert user.desk.flows.annotate.mask_pending
    two.go_on()
    assert user.shown == "0.png", "it waits"
    user.predictor.decoding.open()
    user.until(lambda: user.shown == "1.png" and len(user.annotations) == 3)
    two.until_settled()
    assert two.said == "3 objects carried from 0.png. "


def test_the_window_closes_while_objects_are_carried(two: Carrying, folder: Path) -> None:
    user = two.user
    before = contents(folder)
    two.gate.close()
    two.go_on()
    two.gate.wait_for_arrival()
    two.gate.open()
    user.close_window()
    assert contents(folder) == before
