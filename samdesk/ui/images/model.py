"""ImageModel: the images of a dataset as rows, with filter, states and a limited thumbnail cache."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum, IntEnum
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QImage, QPixmap

from samdesk.base.text import counted
from samdesk.domain.document import ImageKey
from samdesk.domain.review import ImageReview
from samdesk.domain.split import SPLIT_NAMES, Split
from samdesk.ui.images.rows import ImageRows, Numbers, numbers_of
from samdesk.ui.kit.plain import plain, tip

if TYPE_CHECKING:
    from samdesk.dataset.dataset import ImageSummary

Index = QModelIndex | QPersistentModelIndex

THUMBNAILS_KEPT = 600


class ImageState(Enum):
    """The state of an image, shown as a mark."""

    NEW = "no annotations"
    STARTED = "annotated"
    PENDING = "to review"
    FLAGGED = "flagged"
    ACCEPTED = "accepted"
    PROBLEM = "cannot be read"


class RunMark(Enum):
    """What a run has made of an image, shown as a mark on its thumbnail."""

    DONE = "annotated by this run"
    EMPTY = "nothing added by this run"
    FAILED = "failed in this run"


_STATES = tuple(ImageState)
_CODE = {state: code for code, state in enumerate(_STATES)}


class ImageRole(IntEnum):
    """Data roles of the model besides Qt's own."""

    KEY = Qt.ItemDataRole.UserRole + 1
    STATE = Qt.ItemDataRole.UserRole + 2
    COUNT = Qt.ItemDataRole.UserRole + 3
    UNFINISHED = Qt.ItemDataRole.UserRole + 4
    MATCHES = Qt.ItemDataRole.UserRole + 5
    """Whether it was found; False: it is listed because it is the current one."""
    RUN = Qt.ItemDataRole.UserRole + 6
    """What the run at work, or the last one, has made of it: a ``RunMark``, or None."""
    SPLIT = Qt.ItemDataRole.UserRole + 7
    """Its split, or None."""


def state_of(summary: ImageSummary | None) -> ImageState:
    """The state to show for an image; one that is not known yet counts as new."""
    if summary is None:
        return ImageState.NEW
    if summary.problem:
        return ImageState.PROBLEM
    if _is_accepted(summary):
        return ImageState.ACCEPTED
    if summary.flagged or summary.review is ImageReview.FLAGGED:
        return ImageState.FLAGGED
    if summary.pending:
        return ImageState.PENDING
    return ImageState.STARTED if summary.count or summary.review is ImageReview.EDITED else ImageState.NEW


def _is_accepted(summary: ImageSummary | None) -> bool:
    return summary is not None and summary.review is ImageReview.ACCEPTED


class ImageModel(QAbstractListModel):
    """A list model of the images that were found, and of the current one. Scales to 100,000 images."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._keys: tuple[ImageKey, ...] = ()
        self._number: dict[ImageKey, int] = {}
        self._shown = ImageRows(0)
        self._summaries: dict[ImageKey, ImageSummary] = {}
        self._problems: dict[ImageKey, str] = {}
        self._unfinished: frozenset[str] = frozenset()
        self._run_marks: dict[ImageKey, RunMark] = {}
        self._codes = bytearray()  # the state of every image as an index into _STATES
        self._thumbnails: OrderedDict[ImageKey, QPixmap] = OrderedDict()
        self._found: Numbers | None = None
        self._problems_only = False
        self._current: ImageKey | None = None
        self._accepted_count = 0

    @property
    def total(self) -> int:
        """The number of images in the dataset."""
        return len(self._keys)

    @property
    def accepted(self) -> int:
        """The number of accepted images."""
        return self._accepted_count

    @property
    def filtered(self) -> bool:
        """Whether not all images are listed."""
        return self._found is not None or self._problems_only

    @property
    def found(self) -> tuple[ImageKey, ...] | None:
        """The images that were found, in the order of the dataset; None: all."""
        numbers = self._found_numbers()
        return None if numbers is None else tuple(self._keys[number] for number in np.sort(numbers).tolist())

    @property
    def numbering(self) -> Mapping[ImageKey, int]:
        """The place of each image in the dataset, for any thread; another object after changes."""
        return self._number

    def set_images(self, keys: Sequence[ImageKey]) -> None:
        """Resets the model to another dataset."""
        self.beginResetModel()
        self._keys = tuple(keys)
        self._number = {key: number for number, key in enumerate(self._keys)}
        self._summaries, self._problems, self._run_marks = {}, {}, {}
        self._codes = bytearray(len(self._keys))
        self._thumbnails.clear()
        self._accepted_count = 0
        self._found, self._problems_only, self._current = None, False, None
        self._shown = self._matching()
        self.endResetModel()

    def update_images(self, keys: Sequence[ImageKey]) -> None:
        """Replaces the images of the same dataset; what is known of those that stay is kept."""
        place = self.row(self._current)
        found = None if self._found is None else [self._keys[number] for number in self._found]
        self.beginResetModel()
        self._keys = tuple(keys)
        self._number = {key: number for number, key in enumerate(self._keys)}
        self._found = None if found is None else numbers_of(found, self._number)
        for known in (self._summaries, self._problems, self._thumbnails):
            for key in [key for key in known if key not in self._number]:
                del known[key]
        self._codes = bytearray(len(self._keys))
        for key in {**self._summaries, **self._problems}:
            self._recode(self._number[key])
        self._accepted_count = sum(map(_is_accepted, self._summaries.values()))
        self._shown = self._matching(place)
        self.endResetModel()

    def forget_thumbnails(self, keys: Iterable[ImageKey]) -> None:
        """Drops the thumbnails of images whose file has changed, and why they could not be read."""
        for key in keys:
            self._thumbnails.pop(key, None)
            self.set_problem(key, "")

    def set_summaries(self, summaries: Iterable[ImageSummary]) -> None:
        """Updates the summaries of some images."""
        changed: list[int] = []
        moved = False
        for summary in summaries:
            number = self._number.get(summary.key)
            old = self._summaries.get(summary.key)
            if number is None or summary == old:
                continue
            self._accepted_count += _is_accepted(summary) - _is_accepted(old)
            self._summaries[summary.key] = summary
            moved = self._recode(number) or moved
            changed.append(number)
        if moved and self._problems_only:
            self.refresh()
        self._emit_changed(changed)

    def set_problem(self, key: ImageKey, message: str) -> None:
        """Marks an image as unreadable with the reason; "" clears the mark."""
        if key in self._number and self._problems.get(key, "") != message:
            self._problems[key] = message
            self._recode(self._number[key])
            self._emit_changed([self._number[key]])

    def set_unfinished(self, keys: frozenset[str]) -> None:
        """Marks the images that were left with an unfinished mask or outline, and no others."""
        changed, self._unfinished = self._unfinished ^ keys, keys
        self._emit_changed(
            [number for key in changed if (number := self._number.get(ImageKey(key))) is not None]
        )

    def mark_in_run(self, key: ImageKey, mark: RunMark) -> None:
        """Marks an image that a run has annotated or failed on."""
        if key in self._number and self._run_marks.get(key) is not mark:
            self._run_marks[key] = mark
            self._emit_changed([self._number[key]])

    def clear_run_marks(self) -> None:
        """Removes the marks of a run."""
        marked, self._run_marks = self._run_marks, {}
        self._emit_changed([self._number[key] for key in marked if key in self._number])

    def set_thumbnail(self, key: ImageKey, image: QImage) -> None:
        """Caches a thumbnail; the least recently used one is dropped beyond the limit."""
        if key not in self._number or image.isNull():
            return
        self._thumbnails[key] = QPixmap.fromImage(image)
        self._thumbnails.move_to_end(key)
        while len(self._thumbnails) > THUMBNAILS_KEPT:
            self._thumbnails.popitem(last=False)
        self._emit_changed([self._number[key]])

    def set_found(self, numbers: Numbers | None, *, problems_only: bool = False) -> None:
        """Lists images.

        Args:
            numbers: The images that were found, in this order; None: all.
            problems_only: Only those that cannot be read.
        """
        self._found, self._problems_only = numbers, problems_only
        self.refresh()

    def set_current(self, key: ImageKey | None) -> None:
        """Sets the image that is listed whether it was found or not."""
        if key != self._current:
            self._current = key
            if self.filtered:
                self.refresh()

    def refresh(self) -> None:
        """Lists what was found again."""
        shown = self._matching(self.row(self._current))
        if shown != self._shown:
            self.beginResetModel()
            self._shown = shown
            self.endResetModel()
        elif len(shown):
            self.dataChanged.emit(
                self.index(0), self.index(len(shown) - 1)
            )  # whether the current one matches

    def key(self, row: int) -> ImageKey:
        """The image of a row."""
        return self._keys[self._shown.number(row)]

    def row(self, key: ImageKey | None) -> int:
        """The row of an image, -1 if it is not shown."""
        return self._shown.row(self._number.get(key, -1)) if key is not None else -1

    def near(self, key: ImageKey | None, step: int) -> ImageKey | None:
        """The image ``step`` rows (not 0) after ``key``, which may be hidden itself; None past the end."""
        row = self._shown.near(self._number.get(key, -1) if key is not None else -1, step)
        return self.key(row) if row >= 0 else None

    def missing(self, rows: Iterable[int]) -> list[ImageKey]:
        """The images of these rows without a thumbnail or a summary."""
        keys = (self.key(row) for row in rows)
        return [key for key in keys if self._lacks(key)]

    def problem(self, key: ImageKey) -> str:
        """Why the image cannot be read; "" if it can."""
        summary = self._summaries.get(key)
        return self._problems.get(key, "") or (summary.problem or "" if summary else "")

    def with_problems(self) -> list[ImageKey]:
        """The images that cannot be read, as far as known."""
        code = _CODE[ImageState.PROBLEM]
        return [key for key, its in zip(self._keys, self._codes, strict=True) if its == code]

    @property
    def problem_count(self) -> int:
        """How many images cannot be read, as far as known."""
        return self._codes.count(_CODE[ImageState.PROBLEM])

    def state(self, key: ImageKey) -> ImageState:
        """The state shown for an image."""
        return _STATES[self._codes[self._number[key]]]

    def split(self, key: ImageKey) -> Split | None:
        """The split of an image; None: it is in none, or not known yet."""
        summary = self._summaries.get(key)
        return None if summary is None else summary.split

    def matches(self, key: ImageKey) -> bool:
        """Whether an image was found; only the current one is listed without."""
        number = self._number.get(key, -1)
        if not self.filtered or key != self._current or number < 0:
            return True
        if self._problems_only and self.state(key) is not ImageState.PROBLEM:
            return False
        return self._found is None or bool((self._found == number).any())

    def _recode(self, number: int) -> bool:
        """Updates an image's state; returns whether it changed."""
        key = self._keys[number]
        code = _CODE[ImageState.PROBLEM if self.problem(key) else state_of(self._summaries.get(key))]
        before, self._codes[number] = self._codes[number], code
        return code != before

    def _lacks(self, key: ImageKey) -> bool:
        if key not in self._summaries:
            return True
        return key not in self._thumbnails and not self.problem(key)

    def _matching(self, place: int = 0) -> ImageRows:
        """What is listed. In another order than the dataset's the current image comes at row ``place``."""
        rows = ImageRows(len(self._keys), self._found_numbers())
        current = self._number.get(self._current, -1) if self._current is not None else -1
        return rows if current < 0 else rows.with_also(current, place)

    def _found_numbers(self) -> Numbers | None:
        numbers = self._found
        if self._problems_only:
            broken = np.frombuffer(self._codes, np.uint8) == _CODE[ImageState.PROBLEM]
            numbers = np.flatnonzero(broken).astype(np.int32) if numbers is None else numbers[broken[numbers]]
        return numbers

    def _emit_changed(self, numbers: Sequence[int]) -> None:
        if not numbers or not len(self._shown):
            return
        if len(numbers) > 1000:
            self.dataChanged.emit(self.index(0), self.index(len(self._shown) - 1))
            return
        rows = [row for number in numbers if (row := self._shown.row(number)) >= 0]
        if rows:
            self.dataChanged.emit(self.index(min(rows)), self.index(max(rows)))

    def _tip(self, key: ImageKey) -> str:
        summary, state = self._summaries.get(key), self.state(key)
        lines = [plain(key)]
        if summary is not None and summary.width and summary.height:
            lines.append(f"{summary.width:,} × {summary.height:,}")
        if summary is not None and summary.count:
            review = f", {summary.pending:,} to review" if summary.pending else ""
            lines.append(f"{counted(summary.count, 'annotation')}{review}")
        problem = self.problem(key).removeprefix(f"{PurePosixPath(key).name}: ")
        lines.append(plain(problem) if state is ImageState.PROBLEM else state.value)
        split = self.split(key)
        if split is not None:
            lines.append(f"used for {SPLIT_NAMES[split]}")
        if not self.matches(key):
            lines.append("does not match the search; listed because it is open")
        if key in self._run_marks:
            lines.append(self._run_marks[key].value)
        if key in self._unfinished:
            lines.append("left with an unfinished mask or outline")
        return "\n".join(lines)

    def _own_data(self, key: ImageKey, role: ImageRole) -> Any:
        if role is ImageRole.MATCHES:
            return self.matches(key)
        if role is ImageRole.UNFINISHED:
            return key in self._unfinished
        if role is ImageRole.RUN:
            return self._run_marks.get(key)
        if role is ImageRole.STATE:
            return self.state(key)
        if role is ImageRole.SPLIT:
            return self.split(key)
        if role is ImageRole.COUNT:
            summary = self._summaries.get(key)
            return summary.count if summary is not None else 0
        return key

    # Qt overrides

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, D102
        return 0 if parent.isValid() else len(self._shown)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: D102
        if not index.isValid():
            return None
        key = self.key(index.row())
        if role in tuple(ImageRole):
            return self._own_data(key, ImageRole(role))
        if role == Qt.ItemDataRole.DecorationRole:
            pixmap = self._thumbnails.get(key)
            if pixmap is not None:
                self._thumbnails.move_to_end(key)
            return pixmap
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return plain(PurePosixPath(key).name)
        return tip(self._tip(key)) if role == Qt.ItemDataRole.ToolTipRole else None
