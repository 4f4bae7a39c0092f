"""UnfinishedController: what is being drawn is kept with its image when another image is shown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from PySide6.QtCore import QObject

from samdesk.base import json_file
from samdesk.base.json_file import JsonError
from samdesk.base.text import counted
from samdesk.dataset.dataset import Dataset
from samdesk.domain.annotation import AnnotationId
from samdesk.domain.document import ImageKey
from samdesk.ui.annotations.tools import ToolsController
from samdesk.ui.annotations.unfinished_json import FORMATS, read_works
from samdesk.ui.canvas.tools.registry import POLYGON, RECTANGLE, SEGMENT
from samdesk.ui.canvas.view import CanvasView
from samdesk.ui.canvas.viewport import Viewport
from samdesk.ui.dataset.navigate import NavigateController
from samdesk.ui.editing.session import Session
from samdesk.ui.images.panel import ImagesPanel
from samdesk.ui.kit.messages import Messages
from samdesk.ui.prompting.annotate import AnnotateController
from samdesk.ui.prompting.everything import EverythingController
from samdesk.workers.storage.client import DatasetInfo, StorageClient

SETTING = "unfinished"
"""The value of the dataset that keeps it."""
MAX_IMAGES = 500
"""Of more images, the work that was left longest ago is dropped."""
EVERYTHING = "everything"
_KEY = "unfinished"
_NAMES = {SEGMENT.id: "mask", POLYGON.id: "polygon", RECTANGLE.id: "rectangle"}


class WorkHolder(Protocol):
    """Something that unfinished work is drawn with."""

    def take_unfinished(self) -> Any:
        """Removes and returns what is not finished; None if nothing is."""

    def put_unfinished(self, work: Any) -> None:
        """Goes on with what ``take_unfinished`` returned."""


@dataclass(frozen=True)
class UnfinishedImage:
    """An image that was left with unfinished work.

    Attributes:
        works: By tool id, or ``EVERYTHING``.
        tool_id: The tool that was in use.
        viewport: What was on screen; None: the whole image.
        selection: The selected annotations.
    """

    works: Mapping[str, Any]
    tool_id: str
    viewport: Viewport | None = None
    selection: frozenset[AnnotationId] = frozenset()


class UnfinishedController(QObject):
    """Keeps prompts, masks and half-drawn outlines with their image until the user comes back to it.

    They outlast the window: the store keeps them as a setting of the dataset.
    """

    def __init__(
        self,
        session: Session,
        storage: StorageClient,
        canvas: CanvasView,
        tools: ToolsController,
        masks: tuple[AnnotateController, EverythingController],
        navigate: NavigateController,
        panel: ImagesPanel,
        messages: Messages,
    ) -> None:
        super().__init__(panel)
        self._session, self._storage, self._canvas, self._tools = session, storage, canvas, tools
        annotate, everything = masks
        self._navigate, self._panel, self._messages = navigate, panel, messages
        self._holders: dict[str, WorkHolder] = {
            **{spec.id: tools.toolbox.tool(spec.id) for spec in tools.toolbox.specs},
            SEGMENT.id: annotate,
            EVERYTHING: everything,
        }
        self._images: dict[ImageKey, UnfinishedImage] = {}
        """Left since the dataset was opened."""
        self._stored: dict[str, Any] = {}
        """Left earlier: JSON values by image."""
        self._saved = "{}"
        self._here: ImageKey | None = None
        """The image on screen, if its unfinished work has been put back."""
        navigate.leaving.connect(self._leave)
        navigate.image_shown.connect(self._arrive)
        annotate.parked.connect(self._notify_parked)
        storage.closing.connect(self._close)
        storage.opened.connect(self._open)

    @property
    def keys(self) -> frozenset[str]:
        """The images that were left with unfinished work."""
        return frozenset((*self._images, *self._stored))

    @property
    def present(self) -> bool:
        """Whether anything is unfinished, on the image on screen or on others."""
        return bool(self.keys) or bool(self._tools.undo_name)

    def keep(self) -> None:
        """Saves the work on the image on screen with the dataset, before that is closed."""
        self._session.end_run()
        if self._here is not None:
            self._take(self._here)
        self._save()

    def _leave(self, left: str) -> None:
        key = ImageKey(left)
        if self._here != key:  # left already: what was clicked since is no work on it
            for holder in self._holders.values():
                holder.take_unfinished()
            return
        image = self._take(key)
        self._save()
        if image is not None:
            self._messages.info(
                f"{_what(image, key)} kept until you come back.",
                key=_KEY,
                actions=[("Go back", lambda: self._navigate.go(key))],
                seconds=6,
            )

    def _take(self, key: ImageKey) -> UnfinishedImage | None:
        """Moves the work on the canvas to the image ``key``."""
        canvas, self._here = self._canvas, None
        viewport = None if canvas.fitted else canvas.viewport
        tool_id, selection = self._tools.tool_id, canvas.selection
        taken = {name: holder.take_unfinished() for name, holder in self._holders.items()}
        works = {name: work for name, work in taken.items() if work is not None}
        self._forget(key)
        if works and not self._session.read_only:
            self._images[key] = UnfinishedImage(works, tool_id, viewport, selection)
            while len(self.keys) > MAX_IMAGES:
                self._forget(ImageKey(next(iter((*self._stored, *self._images)))))
        self._panel.set_unfinished(self.keys)
        return self._images.get(key)

    def _arrive(self, shown: str) -> None:
        key = self._here = ImageKey(shown)
        image = self._images.get(key) or self._read(key)
        self._forget(key)
        self._panel.set_unfinished(self.keys)
        if image is None:
            return
        self._messages.dismiss(_KEY)
        if image.tool_id in image.works:
            self._tools.choose(image.tool_id)
        if image.viewport is not None:
            self._canvas.show_viewport(image.viewport)
        for name, work in image.works.items():
            self._holders[name].put_unfinished(work)
        self._canvas.set_selection(image.selection)
        if image.works.keys().isdisjoint({self._tools.tool_id, EVERYTHING}):
            tool = next(name for name in _NAMES if name in image.works)
            title = next(spec.title for spec in self._tools.toolbox.specs if spec.id == tool)
            self._messages.info(
                f"There is an unfinished {_NAMES[tool]} on this image. Choose the {title} tool to go on.",
                key=_KEY,
                seconds=6,
            )

    def _forget(self, key: ImageKey) -> None:
        self._images.pop(key, None)
        self._stored.pop(key, None)

    def _notify_parked(self) -> None:
        if self._tools.tool_id != SEGMENT.id:
            text = "The unfinished mask is kept until you choose the Segment tool again."
        else:
            text = "The unfinished mask is kept and comes back after this one."
        self._messages.info(text, key=_KEY, seconds=5)

    # -- with the dataset

    def _open(self, _info: DatasetInfo) -> None:
        self._storage.ask(_stored_text, self._show_stored, doing="reading the unfinished masks")

    def _show_stored(self, text: str) -> None:
        self._saved = text
        try:
            values = json_file.parse_object(text)
        except JsonError:
            return
        self._stored = {key: value for key, value in values.items() if key not in self._images}
        here = self._here
        if here is not None and here in self._stored:  # it came on screen before this answer
            self._arrive(here)
        self._panel.set_unfinished(self.keys)

    def _close(self) -> None:
        here = self._here
        self.keep()
        image = None if here is None else self._images.get(here)
        if image is not None and here is not None:
            self._messages.info(f"{_what(image, here)} kept in its folder.", key=_KEY, seconds=5)
        self._images, self._stored, self._saved = {}, {}, "{}"
        self._panel.set_unfinished(frozenset())

    def _save(self) -> None:
        written = {key: _write(image) for key, image in self._images.items()}
        text = json.dumps(
            {**self._stored, **{key: value for key, value in written.items() if value["works"]}}
        )
        if text != self._saved and not self._session.read_only:
            self._saved = text
            self._storage.set_setting(SETTING, text, durable=True)

    def _read(self, key: ImageKey) -> UnfinishedImage | None:
        document, value = self._session.model.document, self._stored.get(key)
        if document is None or value is None:
            return None
        read = read_works(value, document)
        return None if read is None else UnfinishedImage(works=read[1], tool_id=read[0])


def _stored_text(dataset: Dataset) -> str:
    return dataset.settings_get(SETTING) or "{}"


def _write(image: UnfinishedImage) -> dict[str, Any]:
    works = {name: FORMATS[name].write(work) for name, work in image.works.items() if name in FORMATS}
    return {"tool": image.tool_id, "works": works}


def _what(image: UnfinishedImage, key: str) -> str:
    """What is unfinished, with its verb: "The unfinished mask on 0.png is"."""
    for name, noun in _NAMES.items():
        if name in image.works:
            return f"The unfinished {noun} on {key} is"
    count = len(image.works[EVERYTHING])
    return f"{counted(count, 'proposed mask')} on {key} {'is' if count == 1 else 'are'}"
