"""What the store knows of runs: of auto-annotate, imports and carries. Pure values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from samdesk.base.text import counted
from samdesk.domain.annotation import RunId
from samdesk.domain.document import ImageKey
from samdesk.domain.labels import Label

RunState: TypeAlias = Literal["open", "done", "stopped", "interrupted", "undone"]
"""Of a run: it goes on; all its images were tried; the user, or an error, has stopped it; its process ended
without it; it was undone."""
RUN_STATES: tuple[RunState, ...] = ("open", "done", "stopped", "interrupted", "undone")

IMPORT = "import"
CARRY = "carry"
"""The parameter "kind" of an import, and of objects carried along; auto-annotate has none."""

ImageState: TypeAlias = Literal["todo", "done", "skipped", "failed"]
"""Of an image of a run."""
IMAGE_STATES: tuple[ImageState, ...] = ("todo", "done", "skipped", "failed")


@dataclass(frozen=True)
class RunModel:
    """A model of a run.

    Attributes:
        purpose: "detector" or "predictor".
        name: Registry name or file name ("mobile_sam.pt").
        sha256: Of its file, hexadecimal; "": unknown.
        device: Where it ran ("cuda:0", "cpu").
        precision: "fp32", "fp16" or "bf16".
    """

    purpose: str
    name: str
    sha256: str = ""
    device: str = ""
    precision: str = ""


@dataclass(frozen=True)
class RunRecord:
    """How a run was made.

    Attributes:
        parameters: Its parameters, as JSON.
        models: The models.
    """

    parameters: Mapping[str, Any] = field(default_factory=dict)
    models: tuple[RunModel, ...] = ()

    @property
    def is_import(self) -> bool:
        """Whether the user imported annotations: it changes also images that were edited by hand."""
        return self.parameters.get("kind") == IMPORT

    @property
    def adds_to_edited(self) -> bool:
        """Whether it adds to images that were edited by hand, too, as the user has asked for."""
        return self.parameters.get("edited") is True

    @property
    def is_carry(self) -> bool:
        """Whether the user carried objects along from another image."""
        return self.parameters.get("kind") == CARRY

    @property
    def is_of_models(self) -> bool:
        """Whether models made it: auto-annotate."""
        return not (self.is_import or self.is_carry)

    @property
    def import_lines(self) -> tuple[str, ...]:
        """Where an import came from, for the user: its files and their SHA-256; empty for other runs."""
        if not self.is_import:
            return ()
        paths = ", ".join(str(path) for path in self.parameters.get("paths", ()))
        lines = [f"{self.parameters.get('format', '')}: {paths} ({self.parameters.get('files', '')})"]
        lines += [f"{name}: SHA-256 {value}" for name, value in self.parameters.get("hashes", {}).items()]
        given = self.parameters.get("classes", {})
        renamed = [f"{name} → {label or 'left out'}" for name, label in given.items() if name != label]
        return (*lines, *([f"Classes: {', '.join(renamed)}"] if renamed else []))


@dataclass(frozen=True)
class RunCounts:
    """Numbers of images of a run by state, and of the annotations it has added."""

    todo: int = 0
    done: int = 0
    skipped: int = 0
    failed: int = 0
    annotations: int = 0

    @property
    def images(self) -> int:
        """The number of images."""
        return self.todo + self.done + self.skipped + self.failed


@dataclass(frozen=True)
class RunLabel:
    """A label that a run uses.

    Attributes:
        wanted: The name that the run asks for it by.
        label: The label as it was then.
        added: The run has added it.
    """

    wanted: str
    label: Label
    added: bool = False


@dataclass(frozen=True)
class RunInfo:
    """A run in the store.

    Attributes:
        id: Its id.
        text: Its text in the undo menu.
        state: What has become of it.
        record: How it was made; empty for runs of an older samdesk.
        started: When it began, seconds since 1970; None: unknown, also below.
        ended: When it ended last.
        seconds: How long it took, without the time between a stop and going on.
        counts: What it did.
        labels: The labels it uses.
    """

    id: RunId
    text: str
    state: RunState
    record: RunRecord = field(default_factory=RunRecord)
    started: float | None = None
    ended: float | None = None
    seconds: float = 0.0
    counts: RunCounts = field(default_factory=RunCounts)
    labels: tuple[RunLabel, ...] = ()

    @property
    def is_import(self) -> bool:
        """As ``RunRecord.is_import``."""
        return self.record.is_import

    @property
    def title(self) -> str:
        """What it did, for the user: "Carried 3 objects from a.jpg to b.jpg"; "" but for a carry."""
        if not self.record.is_carry:
            return ""
        objects = counted(self.counts.annotations, "object")
        source, last = (self.record.parameters.get(name, "") for name in ("from", "to"))
        images = f" through {counted(self.counts.done, 'image')}" if self.counts.done > 1 else ""
        return f"Carried {objects}{f' from {source}' if source else ''}{images} to {last}"

    @property
    def can_resume(self) -> bool:
        """Whether it has images to go on with: some are left, or failed."""
        return self.state in ("stopped", "interrupted", "done") and bool(
            self.counts.todo + self.counts.failed
        )


@dataclass(frozen=True)
class RunImage:
    """An image of a run.

    Attributes:
        key: The image.
        state: What has become of it.
        message: Why it was skipped or failed, for the user; "" otherwise.
        added: Number of annotations added.
    """

    key: ImageKey
    state: ImageState = "todo"
    message: str = ""
    added: int = 0
