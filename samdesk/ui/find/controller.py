"""FindController: finds more objects like the selected ones, with a model of an open vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from PySide6.QtCore import QObject, Signal

from samdesk.base.text import counted
from samdesk.batch.concepts import PlannedConcept
from samdesk.batch.open_vocabulary.examples import planned
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.batch.report import BatchSummary
from samdesk.dataset import queries
from samdesk.dataset.examples.examples import example_of
from samdesk.domain.annotation import Annotation
from samdesk.domain.document import ImageKey
from samdesk.engine.models.open_vocabulary import SOURCE, SUGGESTED
from samdesk.settings.table import AUTO_OPEN_MODEL, FIND_SCOPE, Settings
from samdesk.ui.annotations.tools import ToolsController
from samdesk.ui.auto_annotate.controller import BatchController
from samdesk.ui.auto_annotate.scope import Scope, Scopes
from samdesk.ui.commands.actions import Actions
from samdesk.ui.editing.session import Session
from samdesk.ui.find.words import WHERE
from samdesk.ui.kit.fields import CHECKPOINTS
from samdesk.ui.kit.messages import Messages
from samdesk.ui.models.open_models import OpenModels
from samdesk.workers.storage.client import StorageClient

_KEY = "find"
_LOWER = (0.25, 0.05, 0.01)
"""Minimum confidences that are offered when nothing was found."""


@dataclass(frozen=True)
class FindParts:
    """What finding more like these works with.

    Attributes:
        session: The open document.
        storage: The store.
        tools: The selection.
        batch: Runs it.
        models: Looks for models.
        settings: The model and the scope chosen last.
        actions: For the keys in messages.
        messages: For the user.
    """

    session: Session
    storage: StorageClient
    tools: ToolsController
    batch: BatchController
    models: OpenModels
    settings: Settings
    actions: Actions
    messages: Messages


@dataclass(frozen=True)
class FindRequest:
    """What the user has asked for.

    Attributes:
        concepts: A label each, with the selected annotations as examples.
        scope: Where to look.
        keys: The images, those accepted included.
        conf: The minimum confidence; None: that of the settings.
    """

    concepts: tuple[PlannedConcept, ...]
    scope: Scope
    keys: tuple[ImageKey, ...]
    conf: float | None = None


class FindController(QObject):
    """Starts runs that look for more objects like the selected ones, and says what came of them.

    Signals:
        changed: Where the next one looks may differ.
    """

    changed = Signal()

    def __init__(self, parts: FindParts, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._parts = parts
        self._wanted: FindRequest | None = None
        self._plan: AutoAnnotatePlan | None = None
        parts.batch.result_text = self._result_text
        parts.batch.finished.connect(self._end)

    @property
    def scopes(self) -> Scopes:
        """The images of each scope."""
        return self._parts.batch.scopes()

    @property
    def scope(self) -> Scope:
        """Where the key looks: where the user has looked last, if that can be."""
        name = self._parts.settings.get(FIND_SCOPE)
        last = next((scope for scope in WHERE if scope.name == name), Scope.IMAGE)
        return last if self.scopes.offers(last) else Scope.IMAGE

    def find(self, scope: Scope | None = None) -> None:
        """Finds more objects like the selected annotations.

        Args:
            scope: Where; None: where the user has looked last.
        """
        where, scopes = scope or self.scope, self.scopes
        document = self._parts.session.model.document
        if document is None or self._parts.session.read_only or not scopes.offers(where):
            return
        chosen = [a for a in document.annotations if a.id in self._parts.tools.selection]
        if not chosen:
            return
        if scope is not None:
            self._parts.settings.set(FIND_SCOPE, scope.name)
            self.changed.emit()
        self._look(FindRequest(self._concepts(document.key, chosen), where, scopes.keys(where)))

    def _concepts(self, key: ImageKey, annotations: Sequence[Annotation]) -> tuple[PlannedConcept, ...]:
        """A concept for each label of some annotations of an image, which are its examples."""
        labels = self._parts.session.model.labels
        by_label: dict[str, list[Annotation]] = {}
        for annotation in annotations:
            by_label.setdefault(labels.get(annotation.label_id).name, []).append(annotation)
        return tuple(
            PlannedConcept(name, (), tuple(planned(example_of(key, a)) for a in of_label))
            for name, of_label in by_label.items()
        )

    def _look(self, wanted: FindRequest) -> None:
        preferred = self._parts.settings.get(AUTO_OPEN_MODEL)
        self._parts.models.choose(preferred, partial(self._look_with, wanted))

    def _look_with(self, wanted: FindRequest, model: str) -> None:
        if not model:
            self._explain_model(wanted)
        elif wanted.scope is Scope.IMAGE:
            self._start(wanted, model, wanted.keys)
        else:
            self._parts.storage.ask(
                partial(queries.not_accepted, keys=wanted.keys),
                partial(self._start, wanted, model),
                doing="reading which images are accepted",
            )

    def _start(self, wanted: FindRequest, model: str, keys: tuple[ImageKey, ...]) -> None:
        if not keys:
            self._parts.messages.info(
                f"All images {WHERE[wanted.scope]} are accepted: nothing is looked for on them.", key=_KEY
            )
            return
        plan = self._parts.batch.usual_plan()
        plan = replace(
            plan, det_model=model, concepts=wanted.concepts, existing="add", edited=True, keys=keys,
            conf=plan.conf if wanted.conf is None else wanted.conf,
        )  # fmt: skip
        self._parts.messages.dismiss(_KEY)
        self._wanted, self._plan = wanted, plan
        self._parts.batch.find(plan)

    # -- a model

    def _explain_model(self, wanted: FindRequest) -> None:
        """Says where to get a model, and lets the user choose its file."""
        self._parts.messages.warn(
            "Finding more like these needs a model with an open vocabulary (YOLOE), and none is on this "
            f"computer. Download {SUGGESTED} from {SOURCE}, then choose it here or drop it on the window.",
            key=_KEY,
            actions=[("Choose the model…", partial(self._choose_model, wanted))],
        )

    def _choose_model(self, wanted: FindRequest) -> None:
        path = self._parts.messages.choose_file("Choose a YOLOE model", filters=CHECKPOINTS)
        if path is not None:
            self._look_with(wanted, str(path))

    # -- what came of it

    def _result_text(self, plan: AutoAnnotatePlan, summary: BatchSummary) -> str:
        """What has become of a run of these, for the bar; "": as of every run."""
        wanted = self._wanted
        if wanted is None or plan is not self._plan or not summary.ok or not summary.annotated:
            return ""
        images = len(wanted.keys) - len(plan.keys or ())
        left_alone = f"{counted(images, 'accepted image')} left alone" if images else ""
        if not summary.annotations:
            found = f"Nothing more like these {WHERE[wanted.scope]}"
        else:
            found = f"Found {summary.annotations:,} more like these"
            on = counted(summary.annotated - summary.empty, "image")
            found += f" {WHERE[wanted.scope]}" if wanted.scope is Scope.IMAGE else f" on {on}"
        return "  ·  ".join(part for part in (found, left_alone, self._advice(summary)) if part)

    def _advice(self, summary: BatchSummary) -> str:
        key = self._parts.actions.shortcut_text("score_filter.show")
        what = f"Hide by score ({key})" if key else "Hide by score"
        return f"{what} leaves out the doubtful ones" if summary.annotations else ""

    def _end(self, summary: BatchSummary) -> None:
        wanted, plan = self._wanted, self._plan
        if wanted is None or plan is None or self._parts.batch.plan is not plan:
            return
        self._wanted = self._plan = None
        if summary.ok and summary.annotated and not summary.annotations:
            self._note_nothing_found(wanted, plan)
        elif summary.annotated:
            self._parts.settings.set(AUTO_OPEN_MODEL, plan.det_model)

    def _note_nothing_found(self, wanted: FindRequest, plan: AutoAnnotatePlan) -> None:
        """Says what next: a lower confidence, or other examples."""
        lower = next((conf for conf in _LOWER if conf < plan.conf), None)
        text = f"Nothing more like these {WHERE[wanted.scope]} has a confidence of {plan.conf:.2f} or more."
        if lower is None:
            self._parts.messages.info(
                f"{text} Select other examples, or several that differ.", key=_KEY, seconds=12
            )
            return
        again = replace(wanted, conf=lower)
        look = partial(self._look_with, again, plan.det_model)
        self._parts.messages.info(
            text, key=_KEY, actions=[(f"Look again from {lower:.2f}", look)], seconds=20
        )
