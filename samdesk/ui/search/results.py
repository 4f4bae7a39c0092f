"""FoundController: opens what was found, and shows the panel that lists it when there is something in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal

from samdesk.domain.annotation import AnnotationId
from samdesk.domain.document import ImageKey
from samdesk.settings.table import SHOW_FOUND, Settings
from samdesk.ui.kit.dock import Dock
from samdesk.ui.search.bar import SearchBar
from samdesk.ui.search.controller import SearchController
from samdesk.ui.search.found import FoundPanel

if TYPE_CHECKING:
    from samdesk.dataset.search import FoundAnnotation


@dataclass(frozen=True)
class FoundStage:
    """Where a found annotation is shown.

    Attributes:
        key: Returns the image on screen, None while another one is read.
        go: Shows an image.
        show: Selects an annotation of the image on screen and zooms to it.
        take_home: Gives the keyboard to the canvas.
    """

    key: Callable[[], ImageKey | None]
    go: Callable[[ImageKey], object]
    show: Callable[[AnnotationId], object]
    take_home: Callable[[], object]


class FoundController(QObject):
    """Opens found annotations, and shows and hides the panel with them.

    Signals:
        shown_changed: The panel was shown or hidden.
    """

    shown_changed = Signal()

    def __init__(
        self,
        search: SearchController,
        bar: SearchBar,
        panel: FoundPanel,
        dock: Dock,
        show: Callable[[], object],
        stage: FoundStage,
        settings: Settings,
    ) -> None:
        """``show`` shows the dock and makes room for it."""
        super().__init__(panel)
        self._search, self._bar, self._panel, self._dock = search, bar, panel, dock
        self._show = show
        self._stage, self._settings = stage, settings
        self._wanted: FoundAnnotation | None = None
        bar.list_toggled.connect(self.set_wanted)
        bar.field.left.connect(stage.take_home)
        bar.field.list_requested.connect(self._focus_list)
        panel.chosen.connect(self.open)
        search.first_found.connect(self._show_first)
        search.changed.connect(self._follow_search)
        dock.closed.connect(lambda: self.set_wanted(False))
        dock.visibilityChanged.connect(self._note_shown)

    @property
    def any_found(self) -> bool:
        """Whether the list has annotations."""
        return self._panel.loaded > 0

    @property
    def shown(self) -> bool:
        """Whether the panel is shown."""
        return not self._dock.isHidden()

    def focus_field(self) -> None:
        """Gives the keyboard to the search field, with its text selected."""
        field = self._bar.field
        field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        field.selectAll()

    def set_wanted(self, wanted: bool) -> None:
        """Shows or hides the panel, now and with later searches."""
        self._settings.set(SHOW_FOUND, wanted)
        if wanted:
            self._show()
        else:
            self._dock.hide()

    def step(self, by: int) -> None:
        """Opens the next (+1) or previous (-1) annotation of the list."""
        self._panel.step(by)

    def open(self, found: FoundAnnotation) -> None:
        """Shows the image of an annotation, with the annotation selected and zoomed to."""
        self._wanted = found
        if self._stage.key() == found.image:
            self.show_wanted(found.image)
        else:
            self._stage.go(found.image)

    def show_wanted(self, key: str) -> None:
        """Selects the annotation that was to be opened, now that its image is on screen."""
        wanted, self._wanted = self._wanted, None
        if wanted is not None and wanted.image == key:
            self._stage.show(wanted.id)

    def _focus_list(self) -> None:
        self.set_wanted(True)
        self._panel.view.setFocus(Qt.FocusReason.TabFocusReason)

    def _show_first(self) -> None:
        if self._settings.get(SHOW_FOUND):
            self._show()

    def _follow_search(self) -> None:
        if not self._search.finds_annotations:
            self._dock.hide()

    def _note_shown(self, _visible: bool) -> None:
        self._bar.set_list_shown(self.shown)
        self.shown_changed.emit()
