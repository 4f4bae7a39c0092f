"""TracksController: says which track an annotation is in, shows a track, and takes tracks apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from PySide6.QtCore import QObject, QTimer, Signal

from samdesk.dataset.tracks.info import TrackInfo, tracks_of
from samdesk.dataset.tracks.plans import leave_track, split_track
from samdesk.domain.annotation import AnnotationId
from samdesk.domain.document import ImageKey
from samdesk.domain.edits import Transaction
from samdesk.ui.carry.parts import CarryTools
from samdesk.ui.editing.session import Session
from samdesk.workers.storage.client import StorageClient

_SOON_MS = 150
"""Pause before the tracks of an image are asked for: paging through images comes first."""

_Correction: TypeAlias = Callable[..., Transaction]
"""A function of ``dataset.tracks.plans``."""


@dataclass(frozen=True)
class TrackParts:
    """What tracks need of the window.

    Attributes:
        session: The open document and its history.
        storage: Knows the tracks.
        tools: The selection.
        show: Shows what is said of the tracks of annotations.
        search_for: Searches for a text.
    """

    session: Session
    storage: StorageClient
    tools: CarryTools
    show: Callable[[Mapping[AnnotationId, str]], object]
    search_for: Callable[[str], object]


class TracksController(QObject):
    """The tracks of the annotations on screen.

    Signals:
        changed: They are known, or others are.
    """

    changed = Signal()

    def __init__(self, parts: TrackParts) -> None:
        super().__init__(parts.session.model)
        self._parts = parts
        self._known: Mapping[AnnotationId, TrackInfo] = {}
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_SOON_MS)
        self._timer.timeout.connect(self._ask)
        model = parts.session.model
        model.document_opened.connect(self._forget)
        model.document_changed.connect(self._ask_soon)
        parts.session.history.pending_changed.connect(self._follow_saving)

    @property
    def selected(self) -> TrackInfo | None:
        """The track of the annotation that is selected, if it is one that is on several images."""
        chosen = self._parts.tools.selection
        return self._known.get(next(iter(chosen))) if len(chosen) == 1 else None

    def _ask_soon(self, _changes: object) -> None:
        self._timer.start()

    def show(self) -> None:
        """Searches for the annotations of the track: the film strip and the contact sheet show them."""
        info = self.selected
        if info is not None:
            self._parts.search_for(f"track:{info.id}")

    def split(self) -> None:
        """Gives the selected annotation, and those on later images, a track of their own."""
        self._correct("Split track", split_track)

    def leave(self) -> None:
        """Takes the selected annotation out of its track."""
        self._correct("Remove from track", leave_track)

    def _correct(self, text: str, plan: _Correction) -> None:
        session, chosen = self._parts.session, self._parts.tools.selection
        if self.selected is None or session.model.key is None:
            return
        (name,) = chosen
        key = session.model.key
        made = partial(plan, key=key, chosen=name, locked=session.locks.locked, text=text)
        session.commit_plan(text, [key], made)

    def _forget(self, _document: object) -> None:
        self._set({})
        self._timer.start()

    def _follow_saving(self, pending: int) -> None:
        if not pending:
            self._timer.start()

    def _ask(self) -> None:
        key = self._parts.session.model.key
        if key is not None:
            query = partial(tracks_of, key=key)
            self._parts.storage.ask(query, partial(self._receive, key), lambda _failure: None)

    def _receive(self, key: ImageKey, found: Mapping[AnnotationId, TrackInfo]) -> None:
        if key == self._parts.session.model.key:
            self._set(found)

    def _set(self, found: Mapping[AnnotationId, TrackInfo]) -> None:
        if found != self._known:
            self._known = found
            self._parts.show({name: info.text for name, info in found.items()})
            self.changed.emit()
