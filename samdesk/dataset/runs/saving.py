"""Saves the results of auto-annotate runs: images, their state, and the labels that were really found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from samdesk.dataset.change import ChangeSet, RunEdit, constant_edit
from samdesk.dataset.core import DatasetCore
from samdesk.dataset.runs.record import RunImage, RunInfo, RunLabel, RunRecord, RunState
from samdesk.dataset.store.errors import DamagedRowsError
from samdesk.dataset.types import ImageError, LogEntry, RefusedError, StoreError
from samdesk.domain.annotation import RunId, new_run_id
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.edits import Edit
from samdesk.domain.labels import LabelId, LabelSet, free_name
from samdesk.domain.review import ImageReview
from samdesk.domain.split import Split, SplitChange

_WAITING = 100
"""Skipped and failed images are written with the next one that is done, or when there are as many."""


@dataclass
class _OpenRun:
    """A run that has not ended.

    Attributes:
        labels: The labels it uses, by the names that it asks for them by.
        waiting: Skipped and failed images that are not written yet.
        edited: It adds to images that were edited by hand, too.
    """

    labels: dict[str, RunLabel]
    edited: bool = False
    waiting: list[RunImage] = field(default_factory=list)


class Runs:
    """The open runs of a dataset. For the methods see those of ``Dataset``."""

    def __init__(self, core: DatasetCore) -> None:
        self._core = core
        self._open: dict[RunId, _OpenRun] = {}

    def begin(
        self, text: str, record: RunRecord | None, keys: Sequence[ImageKey], names: Iterable[str]
    ) -> RunId:
        """Begins a run; labels that match ``names`` stay those of the run, whatever they are called later."""
        run_id, labels = new_run_id(), self._core.documents.labels
        found = {name: RunLabel(name, label) for name in names if (label := labels.match(name)) is not None}
        pinned = tuple(found.values())

        def log(_: LabelSet) -> None:  # saving may make the file of the store, and with it the journal
            self._core.history.journal.begin(run_id, text, record, keys, pinned)

        self._core.save(ChangeSet(), log)
        self._open[run_id] = _OpenRun(found, record is not None and record.adds_to_edited)
        return run_id

    def resume(self, run_id: RunId) -> RunInfo:
        """Opens a run again."""
        info = self._core.history.journal.info(run_id)
        if info is None or info.state not in ("stopped", "interrupted", "done"):
            raise StoreError("The auto-annotate run cannot be resumed.", next="Start a new one.")
        self._core.save(ChangeSet(), lambda _: self._core.history.reopen_run(run_id))
        self._run(run_id)
        return info

    def commit(self, run_id: RunId, key: ImageKey, edit: RunEdit, names: Sequence[str]) -> bool:
        """Saves an edit of a run."""
        core, run = self._core, self._run(run_id)
        core.check_writable()
        try:
            document = core.documents.get(key)
        except DamagedRowsError:
            return False
        chosen = self._chosen(run, names)
        ids = {name: label.label.id for name, label in chosen.items()}
        made = edit(document, ids) if callable(edit) else edit
        if made is None or not _may_change(document, made, edited=run.edited):
            return False
        if not made and core.rows.seen_by_run(key):  # nothing was found before either: no new step
            core.save(ChangeSet(), lambda _: self._note(run_id, run, RunImage(key, "done")))
            run.waiting.clear()
            return True
        labels, do = self._labels_with(chosen, made)
        change = ChangeSet.of([(key, constant_edit(do))], core.documents.get, None, core.breathe)
        (_, back), *_ = change.inverses
        used = {p.annotation.label_id for p in do.put}
        new = {n: x for n, x in chosen.items() if run.labels.get(n) != x and x.label.id in used}

        def log(_: LabelSet) -> None:
            core.history.add_to_run(run_id, key, do, back)
            self._note(run_id, run, RunImage(key, "done", added=len(do.put)))
            if new:
                core.history.journal.set_labels(run_id, list({**run.labels, **new}.values()))

        core.save(change, log, None if labels == core.documents.labels else labels, core.documents.labels)
        run.labels.update(new)
        run.waiting.clear()
        return True

    def begin_import(
        self, text: str, record: RunRecord, keys: Sequence[ImageKey], names: Sequence[str],
        colors: Mapping[str, str],
    ) -> RunId:  # fmt: skip
        """Begins an import, and adds the labels that it needs at once, so that they keep their order.

        Args:
            text: For the undo menu.
            record: How it is made.
            keys: The images it is to change, in order.
            names: The labels that it uses. Those that the dataset has not are added, in this order.
            colors: ``#rrggbb`` of labels that are added; others get the next one.
        """
        core, run_id = self._core, new_run_id()
        core.finish_class_scan()
        before = labels = core.documents.labels
        found: dict[str, RunLabel] = {}
        for name in names:
            if (match := labels.match(name)) is not None:
                found[name] = RunLabel(name, match, added=before.find(match.name) is None)
            else:
                labels = labels.add(name, colors.get(name))
                found[name] = RunLabel(name, labels.labels[-1], added=True)
        pinned = tuple(found.values())

        def log(_: LabelSet) -> None:
            core.history.journal.begin(run_id, text, record, keys, pinned)

        core.save(ChangeSet(), log, None if labels is before else labels, before)
        self._open[run_id] = _OpenRun(found)
        return run_id

    def commit_images(
        self, run_id: RunId, edits: Sequence[tuple[ImageKey, RunEdit]], names: Sequence[str]
    ) -> dict[ImageKey, str]:
        """Saves the edits of some images of an import in one transaction, also of images edited by hand.

        Args:
            run_id: The import.
            edits: As for ``commit``; each makes its edit of the document as it is now.
            names: The labels that they use.

        Returns:
            Why images were not changed, for the user; they are noted as failed.

        Raises:
            StoreError: Nothing was saved.
        """
        self._core.check_writable()
        try:
            return self._commit_together(run_id, edits, names)
        except RefusedError as error:
            if len(edits) == 1:
                self.note(run_id, edits[0][0], "failed", str(error))
                return {edits[0][0]: str(error)}
        failed: dict[ImageKey, str] = {}
        for one in edits:  # what is refused costs its own image only
            failed |= self.commit_images(run_id, [one], names)
        return failed

    def _commit_together(
        self, run_id: RunId, edits: Sequence[tuple[ImageKey, RunEdit]], names: Sequence[str]
    ) -> dict[ImageKey, str]:
        core, run = self._core, self._run(run_id)
        chosen = self._chosen(run, names)
        ids = {name: label.label.id for name, label in chosen.items()}
        made, failed = list[tuple[ImageKey, Edit]](), dict[ImageKey, str]()
        labels = core.documents.labels
        for key, edit in edits:
            try:
                do = edit(core.documents.get(key), ids) if callable(edit) else edit
            except (ImageError, DamagedRowsError) as error:
                failed[key] = str(error)
                continue
            with_new, adapted = self._labels_with(chosen, do or Edit())
            labels = with_new if len(with_new) > len(labels) else labels
            made.append((key, adapted))
        change = ChangeSet.of(
            [(key, constant_edit(do)) for key, do in made if do], core.documents.get, None, core.breathe
        )
        backs = dict(change.inverses)
        states = [RunImage(key, "done", added=len(do.put)) for key, do in made]
        states += [RunImage(key, "failed", message) for key, message in failed.items()]

        def log(_: LabelSet) -> None:
            for key, do in change.edits:
                core.history.add_to_run(run_id, key, do, backs[key])
            core.history.journal.note(run_id, [*run.waiting, *states])

        core.save(change, log, None if labels == core.documents.labels else labels, core.documents.labels)
        run.waiting.clear()
        return failed

    def note(self, run_id: RunId, key: ImageKey, state: Literal["skipped", "failed"], message: str) -> None:
        """Notes that an image was skipped or failed."""
        run = self._run(run_id)
        run.waiting.append(RunImage(key, state, message))
        if len(run.waiting) >= _WAITING:
            self._core.save(ChangeSet(), lambda _: self._core.history.journal.note(run_id, run.waiting))
            run.waiting.clear()

    def end(
        self, run_id: RunId, state: RunState | None, splits: Mapping[ImageKey, Split] | None = None
    ) -> LogEntry | None:
        """Ends a run; an import also puts images into ``splits``, as a part of its step."""
        found: list[LogEntry | None] = []
        waiting = self._open[run_id].waiting if run_id in self._open else []
        history = self._core.history

        def log(_: LabelSet) -> None:
            history.journal.note(run_id, waiting)
            how = state or ("stopped" if history.journal.counts(run_id).todo else "done")
            changes = [SplitChange(key, None, split) for key, split in (splits or {}).items()]
            found.append(history.end_run(run_id, how, self._core.rows.splits.change(changes)))

        self._core.save(ChangeSet(), log)
        self._open.pop(run_id, None)
        return found[0]

    def images(self, run_id: RunId) -> tuple[RunImage, ...]:
        """Returns the images of a run, those included that are not written yet."""
        found = {image.key: image for image in self._core.history.journal.images(run_id)}
        if run_id in self._open:
            found.update((image.key, image) for image in self._open[run_id].waiting)
        return tuple(found.values())

    def labels_without(self, run_id: RunId) -> LabelSet:
        """Returns the label set without the labels that a run has added and that no annotation uses."""
        labels, rows = self._core.documents.labels, self._core.rows
        if self._core.projection.conflicts or self._core.names.conflict:
            return labels  # while a file waits for the user, class ids must not change
        for label in self._added(run_id):
            if label in labels and not rows.images_with(label, 1):
                labels = labels.remove(label)
        return labels

    def labels_again(self, run_id: RunId, edits: Iterable[Edit]) -> LabelSet:
        """Returns the label set with the labels that a run has added and that these edits use."""
        labels = self._core.documents.labels
        used = {placed.annotation.label_id for edit in edits for placed in edit.put}
        for label_id, found in self._added(run_id).items():
            if label_id in used and label_id not in labels:
                labels = labels.add(free_name(found.label.name, labels), found.label.color, label_id)
        return labels

    def _added(self, run_id: RunId) -> dict[LabelId, RunLabel]:
        info = self._core.history.journal.info(run_id)
        return {} if info is None else {found.label.id: found for found in info.labels if found.added}

    def _run(self, run_id: RunId) -> _OpenRun:
        if not self._core.history.journal.is_open(run_id):
            raise StoreError("The auto-annotate run has ended.")
        if run_id not in self._open:
            info = self._core.history.journal.info(run_id)
            known = () if info is None else info.labels
            labels = {x.wanted: x for x in known if x.label.id in self._core.documents.labels}
            self._open[run_id] = _OpenRun(labels, info is not None and info.record.adds_to_edited)
        return self._open[run_id]

    def _note(self, run_id: RunId, run: _OpenRun, image: RunImage) -> None:
        self._core.history.journal.note(run_id, [*run.waiting, image])

    def _chosen(self, run: _OpenRun, names: Sequence[str]) -> dict[str, RunLabel]:
        """Returns the label for each name: the run's own, one of the set by its name, or a new one."""
        if any(name not in run.labels for name in names):
            self._core.finish_class_scan()  # a class id in a label file must not become that of a new label
        labels, result = self._core.documents.labels, dict[str, RunLabel]()
        for name in names:
            known, match = run.labels.get(name), labels.match(name)
            if known is not None:
                result[name] = known
            elif match is not None:
                result[name] = RunLabel(name, match)
            else:
                labels = labels.add(name)
                result[name] = RunLabel(name, labels.labels[-1], added=True)
        return result

    def _labels_with(self, chosen: Mapping[str, RunLabel], made: Edit) -> tuple[LabelSet, Edit]:
        """Returns the label set with the new labels that an edit uses, and the edit with labels of that."""
        labels, retired = self._core.documents.labels, self._core.retired
        used = {placed.annotation.label_id for placed in made.put}
        for found in chosen.values():
            label = found.label
            if found.added and label.id in used - retired.labels.keys() and label.id not in labels:
                labels = labels.add(free_name(label.name, labels), label.color, label.id)
        do = retired.left_out(retired.adapted(made, labels), labels)
        if any(placed.annotation.label_id not in labels for placed in do.put):
            raise RefusedError(
                "Labels that the run needs are not in the dataset.", next="Start the run again."
            )
        return labels, do


def _may_change(document: ImageDocument, edit: Edit, *, edited: bool) -> bool:
    """Whether a run may save an edit; of an image edited by hand nothing but what the user asked for."""
    if document.review is ImageReview.UNREVIEWED:
        return True
    return _only_adds(edit, document) if edited else _redraws(edit, document)


def _only_adds(edit: Edit, document: ImageDocument) -> bool:
    """Whether an edit leaves all annotations that are there as they are."""
    there = {a.id for a in document.all_annotations}
    return not edit.drop and all(p.annotation.id not in there for p in edit.put)


def _redraws(edit: Edit, document: ImageDocument) -> bool:
    """Whether an edit only changes annotations that are there, as the user asked for (masks of boxes)."""
    there = {a.id for a in document.annotations}
    return bool(edit.put) and not edit.drop and all(p.annotation.id in there for p in edit.put)
