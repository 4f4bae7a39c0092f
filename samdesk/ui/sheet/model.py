"""SheetModel: the annotations of the contact sheet, with the crops and outlines that are known of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, QPointF, Qt
from PySide6.QtGui import QColor, QImage, QPainterPath, QPixmap, QPolygonF

from samdesk.dataset.types import FoundOutline
from samdesk.domain.annotation import AnnotationId
from samdesk.domain.document import ImageKey
from samdesk.domain.geometry.types import RgbImage
from samdesk.domain.labels import LabelId, LabelSet
from samdesk.domain.review import AnnotationReview
from samdesk.images.crops.view import View, view_around
from samdesk.ui.editing.marks import STATE_TEXTS

if TYPE_CHECKING:
    from samdesk.dataset.search import FoundAnnotation

Index = QModelIndex | QPersistentModelIndex

CELL_ROLE = int(Qt.ItemDataRole.UserRole) + 1
_KEPT = 600
"""Crops kept in memory, at least: 77 kB each."""


@dataclass(frozen=True, eq=False)
class Outline:
    """An annotation as it is in the store, for painting.

    Attributes:
        found: What was read of it.
        view: The part of the image that is shown.
    """

    found: FoundOutline
    view: View

    @classmethod
    def of(cls, found: FoundOutline) -> Outline:
        """Chooses the part of the image to show."""
        return cls(found, view_around(found.bounds, found.size))

    @property
    def path(self) -> QPainterPath:
        """Its rings in the unit square of the view."""
        x0, y0, x1, y1 = self.view
        path = QPainterPath()
        for ring in self.found.rings:
            points = (ring - (x0, y0)) / (x1 - x0, y1 - y0)
            path.addPolygon(QPolygonF([QPointF(x, y) for x, y in points.tolist()]))
            path.closeSubpath()
        return path


@dataclass(frozen=True, eq=False)
class Cell:
    """What one cell of the sheet shows.

    Attributes:
        found: The annotation.
        label: The name of its label.
        color: Of its label.
        outline: Its outline, None: not known yet.
        path: The outline in the unit square of the view.
        pixmap: The crop; None: not read yet.
        stale: Whether the crop shows another part of the image than the outline.
        problem: Why there is no crop, for the user; "": none known.
    """

    found: FoundAnnotation
    label: str = ""
    color: QColor = field(default_factory=QColor)
    outline: Outline | None = None
    path: QPainterPath | None = None
    pixmap: QPixmap | None = None
    problem: str = ""
    stale: bool = False


class SheetModel(QAbstractListModel):
    """The rows are annotations in the order found, or as they were put in order since."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[FoundAnnotation] = []
        self._places: dict[AnnotationId, int] = {}
        self._labels = LabelSet()
        self._cells: OrderedDict[AnnotationId, Cell] = OrderedDict()
        self._kept = _KEPT
        self._outdated: set[ImageKey] = set()

    # -- rows

    @property
    def found(self) -> Sequence[FoundAnnotation]:
        """The annotations, in order."""
        return self._rows

    def at(self, row: int) -> FoundAnnotation:
        """The annotation of a row."""
        return self._rows[row]

    def place(self, annotation_id: AnnotationId) -> int:
        """The row of an annotation; -1: it has none."""
        return self._places.get(annotation_id, -1)

    def clear(self) -> None:
        """Removes all rows and what was known of them."""
        self.beginResetModel()
        self._rows.clear()
        self._places.clear()
        self._cells.clear()
        self._outdated.clear()
        self.endResetModel()

    def append(self, found: Iterable[FoundAnnotation]) -> None:
        """Adds annotations at the end; those that are there already are left out."""
        new = [f for f in found if f.id not in self._places]
        if not new:
            return
        first = len(self._rows)
        self.beginInsertRows(QModelIndex(), first, first + len(new) - 1)
        self._rows += new
        self._places.update((f.id, row) for row, f in enumerate(new, first))
        self.endInsertRows()

    def replace_rows(self, found: Sequence[FoundAnnotation]) -> None:
        """Shows these annotations instead; what is known of those that stay is kept, so is the selection."""
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        kept = [self._rows[index.row()].id for index in before]
        self._rows = list(found)
        self._places = {f.id: row for row, f in enumerate(self._rows)}
        for f in self._rows:
            cell = self._cells.get(f.id)
            if cell is not None and cell.found != f:
                self._cells[f.id] = self._made(f, cell)
        after = [self.index(row, 0) if (row := self.place(i)) >= 0 else QModelIndex() for i in kept]
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def put_in_order(self, order: Sequence[AnnotationId]) -> None:
        """Sorts the rows; those that are not named keep their order at the end."""
        known = {i: self._rows[self._places[i]] for i in order if i in self._places}
        self.replace_rows([*known.values(), *(f for f in self._rows if f.id not in known)])

    # -- what is known of them

    def set_labels(self, labels: LabelSet) -> None:
        """Names and colours of labels."""
        self._labels = labels
        for i, cell in list(self._cells.items()):
            self._cells[i] = self._made(cell.found, cell)
        self._changed(0, len(self._rows) - 1)

    def keep(self, count: int) -> None:
        """Keeps the crops of at least this many rows in memory."""
        self._kept = max(_KEPT, 2 * count)

    def is_blank(self, row: int) -> bool:
        """Whether a row shows neither a crop nor why there is none."""
        cell = self.cell(row)
        return cell.pixmap is None and not cell.problem

    def lacks_crop(self, row: int) -> bool:
        """Whether a row has no crop, though its outline is known and nothing keeps it from being read."""
        cell = self.cell(row)
        return cell.outline is not None and (cell.pixmap is None or cell.stale) and not cell.problem

    def set_outline(self, annotation_id: AnnotationId, found: FoundOutline | None) -> None:
        """What was read of an annotation; None: the store does not have it."""
        if found is None:
            self._update(annotation_id, lambda cell: replace(cell, problem="This annotation is gone."))
            return
        row = self.place(annotation_id)
        if row < 0:
            return
        old, outline = self._rows[row], Outline.of(found)
        new = replace(old, label_id=found.label_id, review=found.review, bounds=found.bounds)
        self._rows[row] = new

        def shown(cell: Cell) -> Cell:
            stays = cell.outline is not None and cell.outline.view == outline.view
            known = replace(cell, outline=outline, path=outline.path, problem="")
            return self._made(new, known if stays or cell.outline is None else replace(known, stale=True))

        self._update(annotation_id, shown)

    def set_review(self, ids: Iterable[AnnotationId], review: AnnotationReview) -> None:
        """Shows what the user has decided before the store has answered."""
        for annotation_id in ids:
            row = self.place(annotation_id)
            if row >= 0:
                new = self._rows[row] = replace(self._rows[row], review=review)
                self._update(annotation_id, lambda cell, new=new: replace(cell, found=new))  # type: ignore[misc]

    def set_label(self, ids: Iterable[AnnotationId], label_id: LabelId) -> None:
        """Shows another label before the store has answered."""
        for annotation_id in ids:
            row = self.place(annotation_id)
            if row >= 0:
                new = self._rows[row] = replace(self._rows[row], label_id=label_id)
                self._update(annotation_id, lambda cell, new=new: self._made(new, cell))  # type: ignore[misc]

    def set_crop(self, annotation_id: AnnotationId, pixels: RgbImage | None, problem: str = "") -> None:
        """The crop of an annotation, (h, w, 3) uint8 RGB, or why there is none."""
        pixmap = None if pixels is None else _pixmap(pixels)
        self._update(annotation_id, lambda cell: replace(cell, pixmap=pixmap, problem=problem, stale=False))

    def forget(self, keys: Iterable[ImageKey]) -> None:
        """Reads the annotations of images that have changed again when they are in view."""
        self._outdated.update(keys)

    def lacks_outline(self, row: int) -> bool:
        """Whether an annotation is to be read, for the first time or again."""
        cell = self.cell(row)
        return (cell.outline is None and not cell.problem) or cell.found.image in self._outdated

    def seen(self, keys: Iterable[ImageKey]) -> None:
        """The annotations in view of these images are being read again."""
        self._outdated.difference_update(keys)

    def cell(self, row: int) -> Cell:
        """What a row shows."""
        found = self._rows[row]
        cell = self._cells.get(found.id)
        if cell is None:
            cell = self._cells[found.id] = self._made(found)
            while len(self._cells) > self._kept:
                self._cells.popitem(last=False)
        else:
            self._cells.move_to_end(found.id)
        return cell

    def _made(self, found: FoundAnnotation, known: Cell | None = None) -> Cell:
        label = self._labels.get(found.label_id) if found.label_id in self._labels else None
        name, color = ("", QColor()) if label is None else (label.name, QColor(label.color))
        if known is None:
            return Cell(found, name, color)
        return replace(known, found=found, label=name, color=color)

    def _update(self, annotation_id: AnnotationId, change: Callable[[Cell], Cell]) -> None:
        row = self.place(annotation_id)
        if row >= 0:
            self._cells[annotation_id] = change(self.cell(row))
            self._changed(row, row)

    def _changed(self, first: int, last: int) -> None:
        if 0 <= first <= last:
            self.dataChanged.emit(self.index(first, 0), self.index(last, 0))

    # -- Qt overrides

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, D102
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: D102
        if not index.isValid():
            return None
        if role == CELL_ROLE:
            return self.cell(index.row())
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            return description(self.cell(index.row()))
        return None


def description(cell: Cell) -> str:
    """An annotation in words: its label, state, scores, doubt and image."""
    found = cell.found
    parts = [f"{cell.label or 'Unknown label'}, {STATE_TEXTS[found.review]}"]
    scores = [
        f"{name} {value:.2f}"
        for name, value in (
            ("detector", found.detector_score),
            ("mask", found.mask_score),
            ("doubt", found.doubt),
        )
        if value is not None
    ]
    parts += [", ".join(scores).capitalize()] if scores else []
    parts += [f"Flagged: {found.note}"] if found.note else []
    return "\n".join([*parts, found.image, *([cell.problem] if cell.problem else [])])


def _pixmap(pixels: RgbImage) -> QPixmap:
    rows, columns = pixels.shape[:2]
    data = np.ascontiguousarray(pixels)
    image = QImage(data.data, columns, rows, 3 * columns, QImage.Format.Format_RGB888)
    return QPixmap.fromImage(image)  # copies the pixels
