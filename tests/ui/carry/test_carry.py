"""Carrying annotations to the next image in the real window: the document, the label files, the bar, undo."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import QRectF, Qt
from PySide6.QtTest import QTest
from shapely.geometry import Point

from samdesk.domain import edits
from samdesk.domain.annotation import Annotation, Source, TrackId, new_annotation_id
from samdesk.domain.geometry.regions import clean, clip, iou, translate
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
    """A user with a cat and a dog on the first image, each as the mask model would draw it."""
    user.add_labels("cat", "dog")
    add(user, "cat", 120, 100)
    add(user, "dog", 230, 150)
    user.until_saved()
    made = Carrying(user)
    yield made
    made.gate.open()


def add(user: User, label: str, x: float, y: float, radius: float = 30.0) -> Annotation:
    """Draws a disc."""
    found = user.desk.session.model.labels.find(label)
    assert found is not None
    region = clip(clean(Point(x, y).buffer(radius)), *SIZE)
    made = Annotation(new_annotation_id(), found.id, region)
    assert user.desk.session.edit(f"Add {label}", edits.add([made]))
    return made


def contents(folder: Path) -> dict[str, bytes]:
    """The label files."""
    return {path.name: path.read_bytes() for path in folder.glob("*.txt")}


PENDING, ACCEPTED = AnnotationReview.PENDING, AnnotationReview.ACCEPTED


def test_the_next_image_has_the_objects_where_they_are_now_and_enter_accepts_them(
    two: Carrying, folder: Path, open_window: OpenWindow
) -> None:
    user, (cat, dog) = two.user, two.user.annotations
    before, first = saved(user), user.document
    user.desk.view.images.view.setFocus()
    QTest.keyClick(user.desk.view.images.view, K.Key_D, CONTROL | SHIFT)
    two.until_settled()
    assert user.canvas.hasFocus()
    assert user.shown == "1.png"
    assert user.names == ["cat", "dog"]
    assert two.reviews == [PENDING, PENDING]
    for source, now in zip((cat, dog), user.annotations, strict=True):
        assert iou(now.region, moved(source).region) > 0.93
        assert (now.source, now.track, now.label_id) == (Source.CARRIED, source.track_of, source.label_id)
        assert now.run_id is not None
        assert two.mark(now) is Mark.RESTING, "solid: it is sure"
    assert two.said == "2 objects carried from 0.png. "
    assert user.document.review is ImageReview.UNREVIEWED
    after = saved(user)
    user.key(K.Key_Z, CONTROL)
    user.until(lambda: user.annotations == ())
    assert [row for row in saved(user)[0] if "1.png" not in row] == before[0]
    assert saved(user)[1] == before[1], "the label files"
    assert two.said == ""
    user.key(K.Key_Z, CONTROL | SHIFT)
    user.until(lambda: len(user.annotations) == 2)
    assert saved(user) == after
    assert two.said == "2 objects carried from 0.png. "
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
    user.go("0.png")
    assert user.document == first
    assert saved(user)[1]["0.txt"] == before[1]["0.txt"]
    user.go("2.png")
    two.carry_on()
    user.until_saved()
    carried = user.annotations
    user.close_window()
    again = open_window()
    again.open(folder)
    again.until(lambda: again.shown == "3.png")
    assert again.annotations == carried
    again.key(K.Key_Tab)
    assert again.annotations == carried, "the other outlines are gone"
    again.key(K.Key_Z, CONTROL)
    assert again.annotations == carried, "it is named first"
    again.key(K.Key_Z, CONTROL)
    again.until(lambda: again.annotations == ())


def test_tab_swaps_the_outlines_and_what_is_doubtful_comes_first(two: Carrying) -> None:
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
    for regions in (first, redrawn):
        user.key(K.Key_Z, CONTROL)
        assert [a.region for a in user.annotations] == regions
        user.until_saved()
    assert two.reviews == [PENDING, PENDING]
    user.key(K.Key_Return)
    user.predictor.radius = 8.0
    two.carry_few()
    assert user.shown == "2.png"
    assert "Stopped at image 1 of 5. 2 doubtful" in two.said
    cat, dog = user.annotations
    assert user.canvas.selection == {cat.id}
    assert (two.mark(cat), two.mark(dog)) == (Mark.UNSURE, Mark.DOUBTFUL)
    assert "2 doubtful: cat, dog – the mask model draws another outline here" in two.said
    assert sorted(tag.text for tag in user.canvas.tags()) == ["cat?", "dog?"]
    user.key(K.Key_X)
    user.until(lambda: user.canvas.selection == {dog.id})
    assert [a.id for a in user.document.rejected] == [cat.id]
    assert "1 doubtful: dog" in two.said
    user.key(K.Key_Escape)
    assert user.canvas.selection == frozenset()
    user.key(K.Key_Escape)
    assert user.annotations == ()
    assert two.said.startswith("2 objects carried from 1.png: 2 rejected")
    user.key(K.Key_Z, CONTROL)
    assert two.reviews == [PENDING]


def test_a_doubt_that_the_user_has_settled_does_not_stop_the_next_images(two: Carrying) -> None:
    user = two.user
    user.predictor.radius = 8.0
    two.carry_few()
    assert "Stopped at image 1 of 5. 2 doubtful: cat, dog – the mask model draws another outline" in two.said
    two.carry_on()
    assert "2 doubtful: cat, dog" in two.said, "nothing was accepted"
    user.key(K.Key_Return)
    user.until_saved()
    two.carry_few()
    assert user.shown == "3.png"
    assert two.said == "2 objects carried from 2.png. Carried to 1 image: 3.png is the last one"
    assert two.reviews == [PENDING, PENDING]
    assert user.canvas.selection == frozenset()


def test_all_is_seen_at_a_glance_and_the_view_is_taken_along_and_given_back(two: Carrying) -> None:
    user, canvas = two.user, two.user.canvas
    sight = QRectF(canvas.rect())
    user.predictor.radius = 8.0
    add(user, "cat", 60, 180, 8.0)
    two.carry_on()
    cat, dog, small = user.annotations
    assert [two.mark(a) for a in (cat, dog, small)] == [Mark.UNSURE, Mark.DOUBTFUL, Mark.RESTING]
    user.key(K.Key_R, CONTROL)
    user.until(lambda: two.said == "")
    assert user.desk.flows.review.active
    assert not two.carry.live, "the review has keys of its own"
    user.key(K.Key_R, CONTROL)
    user.until(lambda: two.said.startswith("3 objects carried from 0.png"))
    assert canvas.selection == {cat.id}
    assert canvas.fitted

    def seen() -> str:
        canvas.settle()
        return canvas.grab().toImage().pixelColor(canvas.to_widget(51, 178).toPoint()).name()

    beside = seen()
    canvas.set_selection(())
    assert beside == seen(), "it has not stepped back"
    canvas.set_selection({cat.id})
    canvas.fill_with_rect(QRectF(191, 118, 60, 60))  # the dog only
    mine = canvas.viewport
    two.carry_on()
    assert user.names == ["cat", "dog", "cat"], "not only what was selected for being doubtful"
    cat, dog, small = user.annotations

    def in_sight(annotation: Annotation) -> bool:
        return sight.contains(canvas.to_widget(*annotation.region.centroid.coords[0]))

    assert canvas.zoom == mine.scale
    assert in_sight(cat)
    assert not in_sight(dog)
    user.key(K.Key_X)
    user.until(lambda: canvas.selection == {dog.id})
    assert in_sight(dog)
    user.key(K.Key_Return)
    assert (canvas.viewport.scale, canvas.viewport.x) == (mine.scale, mine.x)
    canvas.zoom_at(0.05, sight.center())
    far = canvas.zoom
    user.predictor.radius = 3.0  # what was accepted against the mask model is settled; this is new
    two.carry_on()
    assert canvas.selection == {user.annotations[1].id}
    assert canvas.zoom > far, "large enough to judge"
    canvas.zoom_in()
    closer = canvas.viewport
    user.key(K.Key_Return)
    assert canvas.viewport == closer, "the user has looked closer"


def test_what_has_no_place_on_the_next_image_is_not_proposed_and_that_is_explained(
    two: Carrying, folder: Path
) -> None:
    user = two.user
    add(user, "dog", 8, 100, 10)
    user.until_saved()
    before, steps = contents(folder), user.desk.session.history.texts
    first = Image.open(folder / "0.png").copy()
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    another = "the next image has another size: 160 x 120, not 320 x 240 pixels"
    cases: tuple[tuple[Image.Image, Image.Exif, str], ...] = (
        (scene(5).crop((0, 0, *SIZE)), Image.Exif(), "nothing on the next image looks like it"),
        (first.crop((0, 0, 160, 120)), Image.Exif(), another),
        (first, exif, "the next image is turned by 90 degrees"),
    )
    for image, turned, words in cases:
        image.save(folder / "1.png", exif=turned)
        two.carry_on()
        assert user.shown == "1.png"
        assert user.annotations == ()
        assert two.said == f"Nothing was carried from 0.png. 3 left behind: cat, dog – {words}"
        user.go("0.png")
        assert two.said == ""
    assert contents(folder) == before
    assert user.desk.session.history.texts == steps
    pan(folder, [(0, 0), (18, 0)])
    two.carry_on()
    assert user.names == ["cat", "dog"]
    assert two.said == "2 objects carried from 0.png. 1 left behind: dog – it has left the image"


def test_the_next_images_are_gone_through_reviewed_and_undone_as_a_whole(two: Carrying, folder: Path) -> None:
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
    user.press("Review")
    review = user.desk.flows.review
    user.until(lambda: review.shown is not None)
    two.go_on()
    assert "End the review first" in user.message_text
    user.key(K.Key_Escape)
    user.until(lambda: not review.active)
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
    scene(5).crop((0, 0, *SIZE)).save(folder / "2.png")
    two.carry_few()
    assert user.shown == "2.png"
    assert two.said.startswith("Nothing was carried from 1.png. Stopped at image 2 of 5. 2 left behind")


def test_a_track_is_shown_and_taken_apart(two: Carrying) -> None:
    user = two.user
    two.carry_on()
    cat, dog = (a.id for a in user.annotations)
    run = user.desk.view.actions.action

    def tip(row: int) -> str:
        model = user.desk.view.annotations.view.model()
        return str(model.index(row, 0).data(Qt.ItemDataRole.ToolTipRole))

    user.canvas.set_selection({cat})
    user.until(lambda: "on 2 images" in tip(1) and "on 2 images" in tip(0))
    user.until(run("track.show").isEnabled)
    track = user.annotations[0].track
    assert f"track {track[:8]} on 2 images" in tip(1)
    run("track.leave").trigger()
    user.until(lambda: user.annotations[0].track == "" and "images" not in tip(1))
    assert "on 2 images" in tip(0)
    assert not run("track.leave").isEnabled()
    assert two.reviews == [PENDING, PENDING]
    user.key(K.Key_Z, CONTROL)
    user.until(lambda: user.annotations[0].track == track and run("track.show").isEnabled())
    run("track.show").trigger()
    user.until(lambda: user.desk.view.search.text == f"track:{track}")
    user.canvas.set_selection({cat, dog})
    assert not run("track.show").isEnabled()


def test_going_elsewhere_meanwhile_cancels_it_and_nothing_is_changed(two: Carrying, folder: Path) -> None:
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
    user.go("0.png")
    two.go_on()
    user.until(lambda: user.shown == "1.png")
    user.key(K.Key_Z, CONTROL)  # names the step of the first image, and goes there
    user.until(lambda: user.shown == "0.png")
    assert not two.carry.carrying
    user.key(K.Key_Z, CONTROL)
    assert user.names == ["cat"]
    user.key(K.Key_Z, CONTROL | SHIFT)
    user.until_saved()
    two.go_on()
    two.gate.open()
    user.close_window()  # meanwhile
    assert contents(folder) == before


def test_what_is_there_was_rejected_or_is_hidden_is_not_proposed(two: Carrying) -> None:
    user, (cat, dog) = two.user, two.user.annotations
    user.desk.session.locks.set_locked({cat.id, dog.id}, locked=True)
    user.desk.view.annotations.show_hidden(frozenset({dog.id}))
    two.carry_on()
    assert user.names == ["cat"]
    assert two.said == "1 object carried from 0.png. 1 hidden object not carried"
    user.go("0.png")
    assert user.annotations == (cat, dog)
    user.canvas.set_selection({dog.id})
    two.carry_on()
    assert two.said == "2 objects carried from 0.png. "
    user.key(K.Key_Return)
    assert two.reviews == [ACCEPTED, ACCEPTED]
    assert user.canvas.selection == {a.id for a in user.annotations}, "the same objects go on"
    twin = user.annotations[0]
    user.go("2.png")
    twin = replace(twin, id=new_annotation_id(), track=TrackId(""), region=translate(twin.region, -STEP, -2))
    assert user.desk.session.edit("Add cat", edits.add([twin]))
    user.go("1.png")
    two.carry_on()
    assert user.names == ["cat", "dog"], "the cat is there by its place, without a track"
    assert two.said == "1 object carried from 1.png. 1 is here already"
    user.desk.view.annotations.show_hidden(frozenset({user.annotations[1].id}))
    user.key(K.Key_Return)
    assert two.reviews == [ACCEPTED, PENDING], "what cannot be seen is not accepted"
    assert "What was carried here is hidden" in user.message_text
    user.desk.view.annotations.show_hidden(frozenset())
    user.key(K.Key_Escape)
    user.go("1.png")
    two.carry_on()
    assert two.said == "Nothing was carried from 1.png. 1 is here already. 1 was rejected here before"


def test_why_nothing_can_be_carried_is_said_and_unfinished_work_is_kept(two: Carrying, folder: Path) -> None:
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
    user.go("3.png")
    two.go_on()
    assert "This image has no annotations" in user.message_text
    add(user, "cat", 100, 100)
    two.go_on()
    assert "3.png is the last image: there is none to carry to." in user.message_text
    user.until_saved()
    (folder / "3.png").write_bytes(b"no image")
    user.go("2.png")
    add(user, "cat", 100, 100)
    two.go_on()
    user.until(lambda: not two.carry.carrying)
    assert "Nothing was carried" in user.message_text
    user.until(lambda: user.shown is None)
    user.go("2.png")
    user.desk.session.read_only = True
    two.go_on()
    assert "This dataset is open read-only: nothing can be carried" in user.message_text
    assert two.user.desk.flows.navigate.key == "2.png"
    user.desk.session.read_only = False


def test_without_a_model_the_moved_outlines_come_at_once_and_the_others_with_it(
    open_window: OpenWindow, folder: Path
) -> None:
    user = open_window()
    user.models.gate.close()
    user.open(folder)
    user.add_labels("cat")
    add(user, "cat", 120, 100)
    two = Carrying(user)
    two.go_on()
    user.until(lambda: user.names == ["cat"] and user.shown == "1.png")
    user.until(lambda: two.carry.redrawing)
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
