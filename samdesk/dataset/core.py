"""How a dataset saves: one transaction of the store, then the label files and data.yaml."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path

from samdesk.dataset import resizing
from samdesk.dataset.change import Change, indexes_move, next_labels
from samdesk.dataset.documents import Documents
from samdesk.dataset.labels.class_names import NamesFile, unique_names
from samdesk.dataset.labels.files import LabelFiles, digest
from samdesk.dataset.labels.projection import Projection
from samdesk.dataset.open import Opened, remember
from samdesk.dataset.store.database import Store
from samdesk.dataset.store.history import History
from samdesk.dataset.store.rows import Rows
from samdesk.dataset.types import NAMES, Notice, StoreError
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.labels import LabelSet
from samdesk.images.reader import ImageError

_LAST_NAMES = "samdesk.names"


class Core:
    """The parts of a dataset, and the one way by which they change together.

    Attributes:
        rows: Documents and labels in the store.
        history: The edit log.
        files: The label files.
        projection: What keeps them up to date.
        names: The file with the class names.
        documents: What is read.
        in_memory: The store cannot be written where it should be.
        read_only: Another samdesk has the dataset.
        place: The file that the store is or will be.
    """

    def __init__(
        self, folder: Path, keys: tuple[ImageKey, ...], opened: Opened, max_pixels: int,
        tell: Callable[[Notice], None],
    ) -> None:  # fmt: skip
        self.in_memory = opened.in_memory
        self.read_only = opened.read_only
        self.place = opened.place
        self._folder = folder
        self._keys = keys
        self._lock = opened.lock
        self._tell = tell
        self._store = opened.store
        self.rows = Rows(opened.store)
        self.history = History(opened.store)
        self.files = LabelFiles(folder, keys)
        self.projection = Projection(self.files, self.rows, tell)
        self.names = NamesFile(folder, keys, tell)
        self.documents = Documents(folder, self.files, self.rows, self.projection, max_pixels)
        self.documents.shared = self.read_only
        self._settings: dict[str, str] = {}
        self._behind = False

    def start(self) -> None:
        """Finds the labels, and finishes what a crash or a full disk left undone."""
        labels = self.rows.labels()
        if labels:
            self.documents.labels = labels
        elif self.names.found:
            self.documents.labels = LabelSet.from_names(unique_names(self.names.found))
            self.documents.grown = True
        if self._store.path is None or self.read_only:
            return
        cut_off = self.history.runs("open")
        if cut_off:
            with self._store.transaction():
                for run_id in cut_off:
                    self.history.end_run(run_id)
        self._behind = True
        self.project()

    def setting(self, key: str) -> str | None:
        """A value kept with the dataset."""
        found = self._settings.get(key)
        return self.rows.setting(key) if found is None else found

    def set_setting(self, key: str, value: str) -> None:
        """Keeps a value; it is written with the next transaction, or on closing."""
        self._settings[key] = value

    def check_writable(self) -> None:
        """``StoreError`` if nothing may be changed."""
        if self.read_only:
            raise StoreError(f"{self._folder} is open in another samdesk: it cannot be changed here")

    def save(
        self,
        change: Change,
        log: Callable[[LabelSet], None],
        labels: LabelSet | None = None,
        base: LabelSet | None = None,
    ) -> LabelSet:
        """Saves a change, durably; then brings the label files up to date.

        Args:
            change: Documents to write.
            log: Writes the history, in the same transaction; given the label set afterwards.
            labels: The label set to have, None to leave it.
            base: The label set that ``labels`` was made from.

        Returns:
            The label set afterwards.

        Raises:
            StoreError: Nothing was saved.
        """
        self.check_writable()
        self._have_file()
        with self._store.transaction():
            self._flush()
            after, moved = self._write_labels(labels, base)
            change.check_labels(after)
            for key, document in change.after.items():
                self.documents.ensure_row(key)
                self.rows.update(change.before[key], document)
            if labels is not None:
                self._check_used(after)
            if moved:
                self.rows.mark_all()
            log(after)
        self._flushed()
        self.documents.labels, self.documents.grown = after, False
        for document in change.after.values():
            self.documents.keep(document)
        if moved:
            self.documents.forget_imports()
            self._behind = True
        self.project(change.after)
        return after

    def project(self, keys: Iterable[ImageKey] = ()) -> None:
        """Writes the label files of some images, and of all that are behind, and the class names."""
        if self._store.path is None or self.read_only:
            return
        if not self._folder.is_dir():
            self._behind = True
            return
        if self._behind:
            self._behind = False
            known = set(self._keys)
            keys = [key for key in self.rows.keys("dirty") if key in known]
        for key in keys:
            try:
                document = self.documents.get(key)
            except ImageError:
                continue
            if not self.projection.write(document, self.documents.labels):
                self._behind = True
                break
        self.projection.sync()
        self._project_names()

    def resize(self, document: ImageDocument, width: int, height: int) -> ImageDocument:
        """The document for an image whose file has another size now; its history goes with it.

        Label files hold shares of width and height, so they say the same before and after.

        Raises:
            StoreError: Nothing was saved.
        """
        key = document.key
        after = resizing.resized(document, width, height)
        if self.read_only:
            return after
        self._have_file()
        sx, sy = width / document.width, height / document.height
        with self._store.transaction():
            self._flush()
            self.rows.update(document, after)
            state = self.rows.file(key)
            if state is not None and state.digest == digest(document, self.documents.labels):
                state = replace(state, digest=digest(after, self.documents.labels))
                self.rows.set_file(key, state, dirty=True)
            self.history.rewrite(key, partial(resizing.scaled_edit, sx=sx, sy=sy))
        self._flushed()
        self.documents.keep(after)
        self.project([key])
        return after

    def move_to(self, path: Path) -> None:
        """Gives the store in memory a file. Raises ``StoreError``."""
        self.check_writable()
        self._use(self._store.save_as(path))
        self.place, self.in_memory = path, False
        remember(self._folder, path)
        self._behind = True
        self.project()

    def close(self) -> None:
        """Writes what is left to write, and gives the dataset free."""
        try:
            if self._store.path is not None and not self.read_only:
                self.project()
                if self._settings or self.projection.pending:
                    with self._store.transaction():
                        self._flush()
                    self._flushed()
        finally:
            self._store.close()
            self._lock.release()

    def accept_names(self) -> None:
        """The class names that are in the file now are known, and may be written over."""
        self.names.conflict = False
        self.set_setting(_LAST_NAMES, json.dumps(self.names.names()))

    def _have_file(self) -> None:
        if self._store.path is None and not self.in_memory:
            self._use(self._store.save_as(self.place))
        elif self._store.path is not None and not self._store.path.exists():
            # The system would go on writing to a file that nobody can find any more.
            raise StoreError(
                f"{self._store.path} is gone: its folder was moved, deleted or unplugged. "
                "Bring it back, or choose another place for the store"
            )

    def _use(self, store: Store) -> None:
        self._store = store
        self.rows, self.history = Rows(store), History(store)
        self.projection.rows = self.documents.rows = self.rows

    def _flush(self) -> None:
        self.projection.flush()
        for key, value in self._settings.items():
            self.rows.set_setting(key, value)

    def _flushed(self) -> None:
        self.projection.flushed()
        self._settings.clear()

    def _write_labels(self, labels: LabelSet | None, base: LabelSet | None) -> tuple[LabelSet, bool]:
        """The label set afterwards, and whether class ids moved."""
        before = self.documents.labels
        if labels is None:
            if self.documents.grown:
                self.rows.write_labels(before)
            return before, False
        moved = indexes_move(before, next_labels(labels, base, before))
        if moved:
            # Files never loaded hold class ids as they were: they must be read before the ids move.
            for key in self.documents.only_in_files(self._keys):
                self._import(key)
            self._check_no_conflicts()
        after = next_labels(labels, base, self.documents.labels)
        self.rows.write_labels(after)
        return after, moved

    def _import(self, key: ImageKey) -> None:
        try:
            self.documents.ensure_row(key)
        except ImageError as error:
            path = str(self.files.path(key))
            text = f"{path} keeps its class ids, because its image cannot be read ({error})"
            self._tell(Notice("labels", text, path, key=key))

    def _check_no_conflicts(self) -> None:
        waiting = sorted(self.projection.conflicts) + ([NAMES] if self.names.conflict else [])
        if waiting:
            named = ", ".join(waiting[:3]) + (" and others" if len(waiting) > 3 else "")
            raise StoreError(
                f"labels cannot be reordered or removed while label files wait for your choice ({named}): "
                "their class ids would mean other labels"
            )

    def _check_used(self, labels: LabelSet) -> None:
        known = {label.id for label in labels}
        for label_id, count in self.rows.usage().items():
            if label_id not in known:
                name = next((label.name for label in self.documents.labels if label.id == label_id), "")
                text = f"{count} annotations still have the label {name!r}: give them another label first"
                raise StoreError(text)

    def _project_names(self) -> None:
        labels = self.documents.labels
        text = self.setting(_LAST_NAMES)
        last = self.names.found if text is None else tuple(json.loads(text) or ())
        if self.names.sync(labels, last) and last != labels.names:
            self.set_setting(_LAST_NAMES, json.dumps(labels.names))
