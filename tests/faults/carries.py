"""``python -m tests.faults.carries FOLDER``: random carries in the real window, with random edits in between.

FOLDER has photos. Each becomes a walk of a camera: images that differ by a random pan, zoom and rotation,
some of another size, turned by EXIF, of another scene, or damaged. Annotations are random: boxes, discs,
rings, parts, at the border, tiny, in any state. After each carry the source image has the same label file,
byte for byte, and the same stored document; the target has all it had and the carried ones beside it; and one
Undo gives the target the label file and the annotations from before.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
from PIL import Image
from PySide6.QtCore import QCoreApplication, QEventLoop, Qt
from PySide6.QtTest import QTest
from shapely.geometry import Point
from shapely.geometry.base import BaseGeometry

from samdesk.app import make_application
from samdesk.base.cv import cv2
from samdesk.domain import edits
from samdesk.domain.annotation import Annotation, Source, new_annotation_id
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.geometry.regions import clean, clip, from_box, is_drawable
from samdesk.domain.geometry.types import Region, RgbImage
from samdesk.domain.review import AnnotationReview
from samdesk.images.reader import read_image
from tests.helpers.desk import CONTROL, SHIFT, User

K = Qt.Key
LABELS = ("cat", "dog", "cup", "tree")
STEPS = 5
_PATIENCE_S = 60.0
ORIENTATION = 0x0112


class Waiter:
    """The part of pytest-qt's bot that ``User`` needs."""

    def waitUntil(self, holds: Callable[[], bool], timeout: int = 0) -> None:
        end = time.monotonic() + _PATIENCE_S
        while not holds():
            assert time.monotonic() < end, "waited in vain"
            QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 5)

    def waitExposed(self, _widget: object) -> None:
        QCoreApplication.processEvents()

    def mouseClick(self, widget: Any, button: Qt.MouseButton, **more: Any) -> None:
        QTest.mouseClick(widget, button, **more)


def camera(image: RgbImage, step: int, rng: random.Random) -> RgbImage:
    """The image as a camera sees it that has moved a few steps."""
    height, width = image.shape[:2]
    angle, zoom = rng.uniform(-2, 2) * step, 1 + rng.uniform(-0.02, 0.02) * step
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, zoom)
    matrix[:, 2] += [rng.uniform(-0.06, 0.06) * width * step, rng.uniform(-0.03, 0.03) * height * step]
    seen = cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(seen, np.uint8)


def make(photos: Path, folder: Path, count: int, rng: random.Random) -> None:
    """Writes the walks of a camera through some photos."""
    folder.mkdir(parents=True)
    chosen = rng.sample(sorted(p for p in photos.rglob("*") if p.suffix.lower() in (".jpg", ".png")), count)
    for number, path in enumerate(chosen):
        image = read_image(path)
        scale = 320 / max(image.shape[:2])
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        image = np.asarray(small, np.uint8)
        for step in range(STEPS):
            seen = camera(image, step, rng)
            target = folder / f"{number:03}_{step}.jpg"
            kind = rng.random() if step else 1.0
            if kind < 0.05:
                seen = np.asarray(cv2.resize(seen, (200, 160)), np.uint8)
            elif kind < 0.1:
                seen = np.ascontiguousarray(seen[::-1, ::-1])
            exif = Image.Exif()
            if 0.1 <= kind < 0.15:
                exif[ORIENTATION] = rng.choice((3, 6, 8))
            Image.fromarray(seen).save(target, quality=92, exif=exif)
            if 0.15 <= kind < 0.17:
                target.write_bytes(target.read_bytes()[:300])


def shape(size: tuple[int, int], rng: random.Random) -> Region:
    """A random region of an image."""
    width, height = size
    x, y, r = rng.uniform(0, width), rng.uniform(0, height), rng.choice((2.0, 8.0, 25.0, 60.0))
    disc = Point(x, y).buffer(r)
    made: BaseGeometry = rng.choice(
        (disc, from_box(x, y, x + r, y + 2 * r), disc.difference(Point(x, y).buffer(r / 2)),
         disc.union(Point(x + 3 * r, y).buffer(r)))
    )  # fmt: skip
    region = clip(clean(made), width, height)
    return region if is_drawable(region) else from_box(1, 1, 20, 20)


class Carries:
    """Random carries of one user in one folder."""

    def __init__(self, folder: Path, rng: random.Random) -> None:
        self.rng, self.folder, self.counts = rng, folder, Counter[str]()
        self.user = User(cast(Any, Waiter()), make_application())
        self.user.open(folder)
        self.user.add_labels(*LABELS)
        self.carry = self.user.desk.flows.data.carry
        self.keys = self.user.desk.flows.navigate.keys

    # -- what is stored

    def stored(self, key: ImageKey) -> ImageDocument:
        found: list[ImageDocument] = []
        self.user.desk.workers.storage.ask(lambda dataset: dataset.load(key), found.append)
        self.user.until(lambda: bool(found))
        return found[0]

    def state(self, key: ImageKey) -> tuple[Any, ...]:
        """The label file and the annotations of an image."""
        self.user.until_saved()
        path = (self.folder / key).with_suffix(".txt")
        found = self.stored(key)
        return (
            path.read_bytes() if path.exists() else b"", found.annotations, found.rejected, found.review,
        )  # fmt: skip

    # -- what the user does

    def go(self, key: ImageKey) -> bool:
        self.user.desk.flows.navigate.go(key)
        self.user.until(lambda: self.user.shown == key or self.user.desk.view.images.problem(key) != "")
        return self.user.shown == key

    def edit(self) -> None:
        """A random edit of the image on screen."""
        user, rng, document = self.user, self.rng, self.user.document
        session = user.desk.session
        labels = session.model.labels.labels
        some = [a for a in document.annotations if rng.random() < 0.3]
        match rng.randrange(8):
            case 0 | 1 | 2:
                review = rng.choice((AnnotationReview.ACCEPTED, AnnotationReview.PENDING))
                made = Annotation(
                    new_annotation_id(), rng.choice(labels).id, shape((document.width, document.height), rng),
                    review=review, attributes=rng.choice(((), (("occluded", True),))),
                )  # fmt: skip
                session.propose("Add", edits.add([made]))
            case 3:
                session.edit("Remove", edits.remove(a.id for a in some))
            case 4:
                session.edit("Reject", edits.reject(document, [a.id for a in some]))
            case 5:
                session.edit("Relabel", edits.relabel(document, [a.id for a in some], rng.choice(labels).id))
            case 6:
                session.locks.set_locked([a.id for a in some], locked=rng.random() < 0.5)
            case _:
                user.desk.view.annotations.show_hidden(frozenset(a.id for a in some))

    def one(self) -> None:
        """One carry, what comes between, and all that must hold."""
        user, rng = self.user, self.rng
        if not self.go(rng.choice(self.keys[:-1])):
            return
        for _ in range(rng.randrange(1, 5)):
            self.edit()
        if not user.annotations:
            return
        source = ImageKey(user.shown or "")
        target = self.keys[self.keys.index(source) + 1]
        document = user.document
        chosen = [a.id for a in document.annotations if rng.random() < 0.4]
        user.canvas.set_selection(chosen if rng.random() < 0.4 else ())
        carried = {a.id: a for a in document.annotations}
        before, there = self.state(source), self.state_or_none(target)
        steps = user.desk.session.history.index
        user.key(K.Key_D, CONTROL | SHIFT)
        way = rng.random()
        if way < 0.1:
            user.key(rng.choice((K.Key_D, K.Key_A, K.Key_Escape)))
        self.settle()
        assert self.state(source) == before, f"{source} has changed"
        if there is None:
            self.counts["unreadable"] += 1
            return
        after = self.state(target)
        new = self.check(there, after, carried)
        self.counts["carries"] += 1
        self.counts["objects"] += len(new)
        self.counts["nothing carried"] += not new
        if new:
            assert user.desk.session.history.index == steps + 1
            if user.shown == target:
                self.decide_and_undo(steps + 1)
            user.key(K.Key_Z, CONTROL)
            if user.shown != target:
                self.settle()
                user.key(K.Key_Z, CONTROL)  # what is not on screen is named first
            user.until(lambda: user.desk.session.history.index == steps)
            assert self.state(target) == there, f"{target} is not as it was"
            assert self.state(source) == before
            if rng.random() < 0.6:
                user.key(K.Key_Z, CONTROL | SHIFT)
                user.until(lambda: user.desk.session.history.index == steps + 1)
                assert self.state(target) == after, f"{target} is not as it was carried"

    def state_or_none(self, key: ImageKey) -> tuple[Any, ...] | None:
        try:
            read_image(self.folder / key)
        except Exception:  # noqa: BLE001 - one of the damaged ones
            return None
        return self.state(key)

    def check(
        self, there: tuple[Any, ...], after: tuple[Any, ...], carried: dict[Any, Annotation]
    ) -> list[Any]:
        """What was added, and that nothing else has changed."""
        old = {a.id for a in there[1]}
        new = [a for a in after[1] if a.id not in old]
        assert [a for a in after[1] if a.id in old] == list(there[1])
        assert after[2:] == there[2:]
        tracks = {a.track_of: a for a in carried.values()}
        for one in new:
            assert (one.source, one.review) == (Source.CARRIED, AnnotationReview.PENDING)
            assert one.track in tracks, "its track"
            assert one.label_id == tracks[one.track].label_id
            assert one.attributes == tracks[one.track].attributes
        assert len({a.track for a in new}) == len(new)
        assert not {a.track_of for a in there[1]} & {a.track for a in new}
        return new

    def decide_and_undo(self, steps: int) -> None:
        """Some decisions about what was carried, each undone again."""
        user, rng = self.user, self.rng
        for key in rng.choices((K.Key_Tab, K.Key_Return, K.Key_X, K.Key_Escape), k=rng.randrange(3)):
            user.key(key)
        self.settle()
        while user.desk.session.history.index > steps:
            index = user.desk.session.history.index
            user.key(K.Key_Z, CONTROL)
            user.until(lambda index=index: user.desk.session.history.index < index)  # type: ignore[misc]
        self.settle()

    def settle(self) -> None:
        self.user.until(lambda: not self.carry.carrying and not self.carry.redrawing)
        self.user.until_saved()


def run(photos: Path, count: int, seed: int) -> Counter[str]:
    """Makes carries until there were as many; one window for a hundred of them."""
    counts, rng = Counter[str](), random.Random(seed)
    while counts["carries"] < count:
        with tempfile.TemporaryDirectory(prefix="samdesk-carries-") as name:
            os.environ["SAMDESK_HOME"] = f"{name}/home"
            make(photos, Path(name) / "walk", 6, rng)
            carries = Carries(Path(name) / "walk", rng)
            while carries.counts["carries"] < min(100, count - counts["carries"]):
                carries.one()
            counts += carries.counts
            carries.user.close_window()
        print(dict(counts), flush=True)
    return counts


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.carries", description=__doc__)
    parser.add_argument("photos", type=Path, help="A folder of photos; nothing is written there.")
    parser.add_argument("--carries", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    run(options.photos, options.carries, options.seed)


if __name__ == "__main__":
    main()
