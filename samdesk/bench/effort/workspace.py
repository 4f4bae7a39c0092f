"""What the simulated annotator works with: the document, the tool and label chosen, the gestures spent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from samdesk.domain import edits
from samdesk.domain.annotation import Annotation, AnnotationId, Source
from samdesk.domain.document import ImageDocument
from samdesk.domain.edits import Edit
from samdesk.domain.geometry.types import Region
from samdesk.domain.labels import LabelId
from samdesk.domain.prompts import PromptSet

SELECT, SEGMENT, BRUSH, LASSO, POLYGON, CUT = "select", "segment", "brush", "lasso", "polygon", "cut"


@dataclass(frozen=True)
class ToolSet:
    """What the annotator has.

    Attributes:
        name: In the report.
        brush: Brush, eraser and lasso, which also make new annotations.
        operations: Grow, shrink, fill holes, cut, merge, tighten.
        click_relabels: A click on a label gives it to the selection; else it takes a menu and a choice.
        most_points: Points that are added to one mask before something else is tried.
    """

    name: str
    brush: bool = False
    operations: bool = False
    click_relabels: bool = False
    most_points: int = 3


ALL_TOOLS = ToolSet("all tools", brush=True, operations=True, click_relabels=True, most_points=2)
TODAYS_TOOLS = ToolSet("SAM, vertices, delete, redraw")


class Workspace:
    """Makes edits and counts gestures: clicks, strokes and key chords. Wheel and pan are free.

    Attributes:
        document: As edited so far.
        spent: Gestures by kind of correction.
    """

    def __init__(self, document: ImageDocument, tools: ToolSet, new_id: Callable[[], AnnotationId]) -> None:
        self.document, self.tools = document, tools
        self.spent: Counter[str] = Counter()
        self._new_id = new_id
        self._tool = SELECT
        self._label: LabelId | None = None
        self._selected: AnnotationId | None = None

    @property
    def total(self) -> int:
        """All gestures so far."""
        return sum(self.spent.values())

    def cost_of_tool(self, tool: str) -> int:
        """Gestures to have a tool: its key, unless it is on."""
        return int(self._tool != tool)

    def cost_of_selecting(self, annotation_id: AnnotationId | None) -> int:
        """Gestures to have an annotation selected: a click on it or on its row, unless it is."""
        return int(self._selected != annotation_id)

    def cost_of_label(self, label: LabelId) -> int:
        """Gestures to have a label for new annotations: its key or a click, unless it is current."""
        return int(self._label != label)

    def spend(self, kind: str, gestures: int = 1) -> None:
        """Counts gestures."""
        self.spent[kind] += gestures

    def take_tool(self, tool: str, kind: str) -> None:
        """Chooses a tool."""
        self.spend(kind, self.cost_of_tool(tool))
        self._tool = tool

    def select(self, annotation_id: AnnotationId | None, kind: str) -> None:
        """Selects an annotation, or nothing."""
        self.spend(kind, self.cost_of_selecting(annotation_id))
        self._selected = annotation_id

    def take_opened(self, annotation_id: AnnotationId) -> None:
        """An annotation was opened by a double-click: it is selected, and the segment tool is on."""
        self._selected, self._tool = annotation_id, SEGMENT

    def choose_label(self, label: LabelId, kind: str) -> None:
        """Makes a label the one of new annotations."""
        self.spend(kind, self.cost_of_label(label))
        self._label = label

    def edit(self, edit: Edit) -> None:
        """Makes an edit, as one of the user; the gesture is counted by the caller."""
        self.document, _ = edits.by_user(edit, self.document).apply(self.document)

    def reshape(self, annotation_id: AnnotationId, region: Region, **scores: float | None) -> None:
        """Gives an annotation another region."""
        old = self.document.find(annotation_id)
        assert old is not None
        self.edit(edits.update([replace(old, region=region, **scores)]))  # type: ignore[arg-type]

    def add(
        self, region: Region, label: LabelId, source: Source = Source.MANUAL, prompts: PromptSet | None = None
    ) -> AnnotationId:
        """Adds an annotation, which is then selected."""
        made = Annotation(self._new_id(), label, region, source, prompts=prompts)
        self.edit(edits.add([made]))
        self._selected = made.id
        return made.id

    def reject(self, ids: Sequence[AnnotationId]) -> None:
        """Rejects what a model proposed and deletes what the user made."""
        self.edit(edits.reject(self.document, ids) if self.tools.operations else edits.remove(ids))
        self._selected = None

    def accept_image(self) -> None:
        """Accepts the image and goes on to the next one."""
        self.spend("accept image")
        self.document, _ = edits.accept_image(self.document).apply(self.document)
