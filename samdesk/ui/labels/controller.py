"""LabelsController: the current label, and all changes of the label set."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection
from functools import partial
from typing import TypeAlias

from PySide6.QtCore import QObject, QTimer, Signal

from samdesk.base import json_file
from samdesk.dataset import queries
from samdesk.domain.annotation import AnnotationId
from samdesk.domain.document import Changes
from samdesk.domain.label_colors import label_color
from samdesk.domain.labels import Label, LabelError, LabelId, LabelSet
from samdesk.ui.editing.session import Session
from samdesk.ui.kit.messages import Messages
from samdesk.ui.labels.panel import LabelsPanel
from samdesk.workers.storage.client import DatasetInfo, StorageClient

COLLAPSED = "collapsed_groups"
"""Setting of the dataset: names of the collapsed label groups, JSON."""
COUNT_AFTER_MS = 1000
COUNT_SECONDS = 0.1
"""How long saving waits for a part of the count."""

_LabelChange: TypeAlias = Callable[[LabelSet], LabelSet]


class LabelsController(QObject):
    """Manages the current label and makes the changes that the labels panel requests.

    Signals:
        current_changed: (Label or None) the label of new annotations.
    """

    current_changed = Signal(object)

    def __init__(
        self,
        session: Session,
        storage: StorageClient,
        panel: LabelsPanel,
        messages: Messages,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._storage, self._panel, self._messages = session, storage, panel, messages
        self._current: LabelId | None = None
        self._grouped = True
        self._usage: dict[LabelId, int] = {}
        self._on_screen: Counter[LabelId] = Counter()
        self._count_timer = QTimer(self, singleShot=True, interval=COUNT_AFTER_MS)
        self._count_timer.timeout.connect(self._count)
        panel.current_changed.connect(self.choose)
        panel.add_requested.connect(self.add)
        panel.rename_requested.connect(self._rename)
        panel.recolor_requested.connect(self._recolor)
        panel.move_requested.connect(self._move)
        panel.remove_requested.connect(self._remove)
        panel.collapsed_changed.connect(self._keep_collapsed)
        session.model.document_changed.connect(self._update_counts)
        session.model.document_opened.connect(self._start_image)

    @property
    def labels(self) -> LabelSet:
        """The dataset's labels."""
        return self._session.model.labels

    @property
    def current(self) -> Label | None:
        """The label of new annotations; None if the set is empty."""
        if self._current is not None and self._current in self.labels:
            return self.labels.get(self._current)
        return self.labels.labels[0] if self.labels.labels else None

    def color(self) -> str:
        """Returns the colour of the current label, ``#rrggbb``."""
        return self.current.color if self.current else label_color(0)

    def color_of(self, label_id: LabelId) -> str:
        """Returns the colour of a label, ``#rrggbb``; the current one's if it was deleted."""
        return self.labels.get(label_id).color if label_id in self.labels else self.color()

    def name(self, label_id: LabelId) -> str:
        """Returns the name of a label, "annotation" for one that was deleted."""
        return self.labels.get(label_id).name if label_id in self.labels else "annotation"

    def current_or_new(self) -> Label | None:
        """The current label; an empty set gets one named "object" first, so that no mask is lost."""
        if self.current is None:
            self.add("object")
            self._messages.info(
                "Added the label “object”. Rename it in Labels (F2), or add your own.", key="first-label"
            )
        return self.current

    def start(self, info: DatasetInfo) -> None:
        """Shows the labels of a dataset that was opened; the label used last is current again."""
        self._current = info.last_label
        self._panel.set_hidden((), notify=True)
        self._storage.ask(
            lambda dataset: dataset.settings_get(COLLAPSED) or "[]", self._collapse, doing="reading a setting"
        )
        self._panel.set_read_only(info.read_only)
        self.refresh()
        self.current_changed.emit(self.current)

    def choose(self, label_id: LabelId) -> None:
        """Makes a label current."""
        if label_id != self._current:
            self._storage.set_setting("last_label", label_id)
        self._current = label_id
        self._panel.set_current(label_id)
        self.current_changed.emit(self.current)

    def choose_index(self, index: int) -> LabelId | None:
        """Makes the label with this class id current. Returns None if there is none."""
        if not 0 <= index < len(self.labels):
            return None
        self.choose(self.labels.labels[index].id)
        return self._current

    def add(self, name: str) -> None:
        """Makes the label of this name current; adds it first if there is none."""
        name = " ".join(name.split())
        if self.labels.find(name) is None:
            self._change(f"Add label {name}", lambda labels: labels.add(name))
        found = self.labels.find(name)
        if found is not None:
            self.choose(found.id)

    def set_grouped(self, grouped: bool) -> None:
        """Sets whether labels whose names begin alike are listed as groups."""
        self._panel.set_groups(self._panel.collapsed, grouped=grouped)
        self._grouped = grouped

    def _collapse(self, names: str) -> None:
        self._panel.set_groups(json_file.parse_strings(names), grouped=self._grouped)

    def _keep_collapsed(self, names: frozenset[str]) -> None:
        self._storage.set_setting(COLLAPSED, json.dumps(sorted(names)))

    def set_read_only(self, read_only: bool) -> None:
        """Enables or disables editing."""
        self._panel.set_read_only(read_only)

    def refresh(self) -> None:
        """Shows the labels with the last known counts, and requests new counts."""
        self._panel.set_labels(self.labels, self._usage)
        if self.current is not None:
            self._panel.set_current(self.current.id)
        self._count()

    def count_soon(self) -> None:
        """Requests new counts after ``COUNT_AFTER_MS``, once for many calls."""
        if not self._count_timer.isActive():
            self._count_timer.start()

    def _change(self, text: str, change: _LabelChange) -> None:
        try:
            self._session.change_labels(text, change(self.labels))
        except LabelError as error:
            self._messages.warn(str(error), key="label")
            self.refresh()

    def _rename(self, label_id: LabelId, name: str) -> None:
        self._change(f"Rename {self.name(label_id)} to {name}", lambda labels: labels.rename(label_id, name))

    def _recolor(self, label_id: LabelId) -> None:
        chosen = self._messages.choose_color(self.labels.get(label_id).color)
        if chosen:
            self._change(f"Recolour {self.name(label_id)}", lambda labels: labels.recolor(label_id, chosen))

    def _move(self, label_id: LabelId, index: int) -> None:
        name, before = self.name(label_id), self.labels.index(label_id)
        if index == before:
            return
        if self._messages.confirm(
            "Change class ids?",
            f"The position of a label is its class id. Moving “{name}” from {before} to {index} renumbers "
            "the labels in between and rewrites every label file of this dataset. Models trained with the "
            "old order will predict the wrong classes. You can undo this.",
            action="Move and rewrite",
        ):
            self._change(f"Move {name} to {index}", lambda labels: labels.move(label_id, index))
        else:
            self.refresh()

    def _remove(self, label_id: LabelId) -> None:
        self._ask_usage(partial(self._confirm_removal, label_id))

    def _count(self) -> None:
        self._ask_usage(self._show_usage)

    def _ask_usage(self, then: Callable[[dict[LabelId, int]], None]) -> None:
        """Counts the annotations, a part at a time: what is edited meanwhile is saved in between."""

        def receive(usage: dict[LabelId, int] | None) -> None:
            if usage is None:
                self._ask_usage(then)
            else:
                then(usage)

        query = partial(queries.label_usage_within, seconds=COUNT_SECONDS)
        self._storage.ask(query, receive, doing="counting the annotations")

    def _show_usage(self, usage: dict[LabelId, int]) -> None:
        self._usage = dict(usage)
        self._panel.set_labels(self.labels, usage)
        if self.current is not None:
            self._panel.set_current(self.current.id)

    def _confirm_removal(self, label_id: LabelId, usage: dict[LabelId, int]) -> None:
        self._show_usage(usage)
        if label_id not in self.labels:
            return
        name, used = self.name(label_id), usage.get(label_id, 0)
        last = self.labels.index(label_id) == len(self.labels) - 1
        note = "" if last else " Later class ids shift down by one and every label file is rewritten."
        if not used:
            if last or self._messages.confirm("Delete label?", f"Delete “{name}”?{note}", action="Delete"):
                self._session.delete_label(label_id)
                self.refresh()
            return
        others = [label for label in self.labels if label.id != label_id]
        if not others:
            self._messages.warn(
                f"{_uses(used)} “{name}”, the only label. Add another one first.", key="label"
            )
            return
        choice = self._messages.choose_item(
            "Replace label",
            f"{_uses(used)} “{name}”.{note}\n\nLabel to use instead:",
            [label.name for label in others],
        )
        if choice is not None and others[choice].id in self.labels:
            if label_id == self._current:
                self.choose(others[choice].id)
            self._session.replace_label(label_id, others[choice].id)
            self.refresh()

    def _update_counts(self, changes: Changes) -> None:
        shown = self._panel.hidden & self._labels_of(changes.added)
        if shown:  # what has just been drawn is not to vanish
            self._panel.set_hidden(self._panel.hidden - shown, notify=True)
        if changes.labels:
            self.refresh()
            self.current_changed.emit(self.current)
        elif changes.geometry:
            before, self._on_screen = self._on_screen, self._count_on_screen()
            for label_id in before.keys() | self._on_screen.keys():
                used = self._usage.get(label_id, 0) + self._on_screen[label_id] - before[label_id]
                self._usage[label_id] = max(used, 0)
            self._panel.set_labels(self.labels, self._usage)

    def _labels_of(self, ids: Collection[AnnotationId]) -> set[LabelId]:
        document = self._session.model.document if ids else None
        return {a.label_id for a in document.annotations if a.id in ids} if document is not None else set()

    def _start_image(self, _document: object) -> None:
        self._on_screen = self._count_on_screen()

    def _count_on_screen(self) -> Counter[LabelId]:
        document = self._session.model.document
        return Counter(a.label_id for a in document.annotations) if document is not None else Counter()


def _uses(count: int) -> str:
    return "One annotation uses" if count == 1 else f"{count:,} annotations use"
