"""AnnotationVisits: goes to an image, and to an annotation of it once it is on screen."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject

from samdesk.domain.annotation import AnnotationId
from samdesk.domain.document import ImageKey
from samdesk.ui.dataset.navigate import NavigateController


class AnnotationVisits(QObject):
    """Shows annotations that a list names: of a report, of a check.

    Args:
        navigate: Goes to an image.
        on_screen: Returns the image on screen; None while another one is read.
        show: Selects an annotation of the image on screen and zooms to it.
        parent: Of this object.
    """

    def __init__(
        self,
        navigate: NavigateController,
        on_screen: Callable[[], ImageKey | None],
        show: Callable[[AnnotationId], object],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._navigate, self._on_screen, self._show = navigate, on_screen, show
        self._wanted: tuple[str, AnnotationId] | None = None
        navigate.image_shown.connect(self._arrive)

    def go(self, key: ImageKey, annotation_id: AnnotationId | None = None) -> None:
        """Shows an image, with an annotation selected and zoomed to."""
        self._wanted = None if annotation_id is None else (key, annotation_id)
        if self._on_screen() == key:
            self._arrive(key)
        else:
            self._navigate.go(key)

    def _arrive(self, key: str) -> None:
        wanted, self._wanted = self._wanted, None
        if wanted is not None and wanted[0] == key:
            self._show(wanted[1])
