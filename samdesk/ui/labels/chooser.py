"""LabelChooser: gives labels to the selection, or to new annotations, by the palette or the panel."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject, QPoint

from samdesk.base import json_file
from samdesk.base.text import counted
from samdesk.domain.labels import LabelId
from samdesk.ui.kit.messages import Messages
from samdesk.ui.labels.controller import LabelsController
from samdesk.ui.labels.palette import LabelPalette
from samdesk.ui.labels.panel import LabelsPanel
from samdesk.workers.storage.client import DatasetInfo, StorageClient

RECENT = "recent_labels"
"""Setting of the dataset: ids of the labels used last, the newest first, JSON."""
_RECENT_KEPT = 50


@dataclass(frozen=True)
class LabelTarget:
    """What a chosen label is given to.

    Attributes:
        count: Returns how many annotations would get it; 0: it is for new annotations.
        relabel: Gives it to them, as one undoable step; returns how many have changed.
        undo: Undoes that step.
        place: Returns where to choose it: at the selection, or at the mouse; global position.
    """

    count: Callable[[], int]
    relabel: Callable[[LabelId], int]
    undo: Callable[[], object]
    place: Callable[[], QPoint]


class LabelChooser(QObject):
    """Opens the palette, and relabels the selection by it or by a click in the labels panel."""

    def __init__(
        self,
        labels: LabelsController,
        panel: LabelsPanel,
        storage: StorageClient,
        target: LabelTarget,
        messages: Messages,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._labels, self._storage, self._target, self._messages = labels, storage, target, messages
        self._recent: list[LabelId] = []
        self._read_only = False
        self.palette = LabelPalette(panel.window())
        self.palette.label_chosen.connect(self.choose)
        self.palette.create_requested.connect(self._create)
        panel.label_clicked.connect(self._relabel)
        labels.current_changed.connect(lambda label: self._note(label.id) if label is not None else None)

    def start(self, info: DatasetInfo) -> None:
        """Reads which labels of a dataset were used last."""
        self._recent, self._read_only = [], info.read_only
        self._storage.ask(
            lambda dataset: dataset.settings_get(RECENT) or "[]", self._show_recent, doing="reading a setting"
        )

    def open(self) -> None:
        """Opens the palette at the selection, or at the mouse."""
        count = self._target.count()
        purpose = f"Relabel {counted(count, 'annotation')}" if count else "Label for new annotations"
        self.palette.open_at(
            self._target.place(), self._labels.labels, self._recent, purpose, may_create=not self._read_only
        )

    def choose(self, label_id: LabelId) -> None:
        """Makes a label current and gives it to the selection."""
        self._labels.choose(label_id)
        self._relabel(label_id)

    def choose_index(self, index: int) -> None:
        """As ``choose``, by class id; one that no label has does nothing."""
        labels = self._labels.labels.labels
        if index < len(labels):
            self.choose(labels[index].id)

    def _create(self, name: str) -> None:
        self._labels.add(name)
        found = self._labels.labels.find(" ".join(name.split()))
        if found is not None:
            self._relabel(found.id)

    def _relabel(self, label_id: LabelId) -> None:
        """Gives a label to the selection, if a chosen label is for it, and reports it."""
        if self._read_only or not self._target.count():
            return
        changed = self._target.relabel(label_id)
        if changed:
            text = f"Relabelled {counted(changed, 'annotation')} to “{self._labels.name(label_id)}”."
            self._messages.info(text, key="relabelled", actions=[("Undo", self._undo)], seconds=4)

    def _undo(self) -> None:
        self._messages.dismiss("relabelled")
        self._target.undo()

    def _note(self, label_id: LabelId) -> None:
        if self._recent[:1] == [label_id]:
            return
        self._recent = [label_id, *(other for other in self._recent if other != label_id)][:_RECENT_KEPT]
        self._storage.set_setting(RECENT, json.dumps(self._recent))

    def _show_recent(self, text: str) -> None:
        stored = map(LabelId, json_file.parse_strings(text))
        self._recent += [label_id for label_id in stored if label_id not in self._recent]
