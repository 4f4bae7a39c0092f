"""Conflicts: label files with bad lines or changed by other programs, and damaged annotations."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QObject

from samdesk.base.text import counted
from samdesk.dataset.dataset import NAMES, Notice
from samdesk.dataset.labels.files import BAD_LINES, CHANGED, DAMAGED, DAMAGED_ALONE
from samdesk.domain.document import ImageKey
from samdesk.ui.dataset.navigate import NavigateController
from samdesk.ui.kit.message_bar import Action
from samdesk.ui.kit.messages import Messages
from samdesk.workers.storage.client import StorageClient

CONFLICTS = (BAD_LINES, CHANGED, DAMAGED, DAMAGED_ALONE)
"""The kinds of notices that are questions of this controller."""


class ConflictsController(QObject):
    """Asks the user to resolve each conflict; the label file is not written before.

    A dismissed question is asked again when its image is shown.
    """

    def __init__(
        self,
        storage: StorageClient,
        navigate: NavigateController,
        messages: Messages,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._storage, self._navigate, self._messages = storage, navigate, messages
        self._open: dict[ImageKey, list[Notice]] = {}
        storage.opened.connect(lambda _info: self._forget())
        storage.notice.connect(self._add)
        navigate.image_shown.connect(lambda key: self._show(ImageKey(key)))

    def _add(self, notice: Notice) -> None:
        if notice.key is None or notice.kind not in CONFLICTS:
            return
        found = self._open.setdefault(notice.key, [])
        if notice.kind != BAD_LINES or (found and found[0].kind != BAD_LINES):
            found.clear()
        if notice not in found:
            found.append(notice)
        self._show(notice.key)

    def _show(self, key: ImageKey) -> None:
        found = self._open.get(key)
        if found:
            self._messages.warn(_text(found), key=_name(key), actions=self._actions(key, found[0].kind))

    def _actions(self, key: ImageKey, kind: str) -> list[Action]:
        mine, file = partial(self._resolve, key, "mine"), partial(self._resolve, key, "file")
        if kind == BAD_LINES:
            actions: list[Action] = [("Overwrite the file", mine), ("Reload the file", file)]
        elif kind == DAMAGED_ALONE:
            actions = [("Keep what can be read", mine)]
        elif kind == DAMAGED:
            actions = [("Keep what can be read", mine), ("Use the label file", file)]
        else:
            kept = "labels" if key == NAMES else "annotations"
            actions = [(f"Keep samdesk's {kept}", mine), ("Use the file", file)]
        if key in self._navigate.keys and key != self._navigate.key:
            actions.append(("Show image", partial(self._navigate.go, key)))
        return actions

    def _resolve(self, key: ImageKey, choice: str) -> None:
        self._open.pop(key, None)
        self._storage.resolve(key, choice)

    def _forget(self) -> None:
        for key in self._open:
            self._messages.dismiss(_name(key))
        self._open.clear()


def _name(key: ImageKey) -> str:
    return f"conflict:{key}"


def _text(found: list[Notice]) -> str:
    first = found[0].message
    more = len(found) - 1
    return f"{first} {counted(more, 'more line')} cannot be read." if more else first
