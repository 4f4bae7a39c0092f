"""MaskCorrections: what corrects annotations with the mask model beside the prompts of the Segment tool."""

from __future__ import annotations

from PySide6.QtCore import QObject

from samdesk.ui.canvas.view import CanvasView
from samdesk.ui.editing.session import Session
from samdesk.ui.kit.messages import Messages
from samdesk.ui.labels.controller import LabelsController
from samdesk.ui.prompting.annotate import AnnotateController
from samdesk.ui.prompting.refits import Refits
from samdesk.ui.prompting.snap import SnapController
from samdesk.ui.prompting.tighten import TightenController
from samdesk.workers.group import Workers


class MaskCorrections(QObject):
    """The controllers that ask the mask model about shapes that are known, and the jobs they share.

    Attributes:
        tighten: Fits annotations to the image.
        snap: Adds shapes from elsewhere, fitted to the image.
        refits: The jobs.
    """

    def __init__(
        self,
        session: Session,
        workers: Workers,
        canvas: CanvasView,
        annotate: AnnotateController,
        labels: LabelsController,
        messages: Messages,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.refits = Refits(workers.inference, self)
        self.tighten = TightenController(session, self.refits, canvas, annotate, labels, messages, self)
        self.snap = SnapController(session, self.refits, canvas, labels, messages, self)
        workers.storage.closing.connect(self.leave_image)

    def leave_image(self) -> None:
        """Ends what is running, before another image or dataset is shown: its finished part stays."""
        self.refits.stop()
