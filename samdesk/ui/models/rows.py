"""Rows of the model chooser: their values, texts and the widget of the State column."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from PySide6.QtWidgets import QProgressBar, QVBoxLayout, QWidget

from samdesk.base.rate import Rate
from samdesk.base.text import size
from samdesk.engine.families import find_family
from samdesk.engine.flint.metadata import is_flint
from samdesk.engine.models import weights
from samdesk.engine.models.registry import ModelSpec, spec
from samdesk.engine.models.trained import find_trained
from samdesk.ui.kit.plain import PlainLabel, tip


@dataclass(frozen=True)
class ModelRow:
    """A row of the model chooser.

    Attributes:
        name: Registry name, or the path of a user's own checkpoint.
        title: For users.
        bytes: Download size, 0 where there is nothing to download.
        parameters: Approximate number; 0 where unknown.
        licence: Of the weights; "" where unknown.
        present: Whether its weights are on this machine.
        note: The text of the State column when they are.
        done: Bytes downloaded so far; None: no download is running.
        rate: Bytes per second of the running download; None at its start.
        failed: Why its download failed; "": it did not.
    """

    name: str
    title: str
    bytes: int = 0
    parameters: int = 0
    licence: str = ""
    present: bool = False
    note: str = "Installed"
    done: int | None = None
    rate: float | None = None
    failed: str = ""

    @property
    def downloading(self) -> bool:
        return self.done is not None

    @property
    def size_text(self) -> str:
        return size(self.bytes) if self.bytes else "–"

    @property
    def parameters_text(self) -> str:
        return f"{self.parameters / 1e6:,.1f} M" if self.parameters else "–"

    @property
    def state_text(self) -> str:
        if self.done is not None:
            share = f"{100 * self.done // self.bytes}%" if self.bytes else size(self.done)
            speed = f"  ·  {self.rate / 1e6:.1f} MB/s" if self.rate else ""
            return f"Downloading {share}{speed}"
        if self.failed:
            return "Download failed"
        if self.present:
            return self.note
        return "Not downloaded"


def row_of(model: ModelSpec) -> ModelRow:
    """The row of a model of the registry."""
    row = ModelRow(
        model.name, model.title, model.bytes, model.parameters, model.licence, present=not model.url
    )
    return replace(row, note=model.note) if model.note else row


def row_of_file(path: str) -> ModelRow:
    """The row of a user's own checkpoint."""
    return ModelRow(path, Path(path).name, licence="Your file", present=True)


def known_name(name_or_path: str) -> str:
    """The registry name of a model given by name or by the path of its weights; else the argument itself.

    A user's own file that merely has the name of a known model is not renamed.
    """
    known = spec(Path(name_or_path).name)
    if known is None:
        return name_or_path
    if name_or_path in (known.name, known.name.removesuffix(".pt")):
        return known.name
    found = weights.find(known.name)
    return known.name if found is not None and found == Path(name_or_path).resolve() else name_or_path


def has_class_names(name_or_path: str) -> bool:
    """Whether a detector's class names can be read from its file without loading it."""
    known = spec(name_or_path)
    family = None if known is None else find_family(known.family)
    if known is None and find_trained(name_or_path) is not None:
        return True
    return (family is not None and family.class_names is not None) or is_flint(Path(name_or_path))


def with_progress(row: ModelRow, done: int, total: int, rate: Rate) -> ModelRow:
    """The row with the progress of its download, bytes."""
    rate.step(done)
    return replace(row, done=done, bytes=total or row.bytes, rate=rate.per_second or None, failed="")


class StateCell(QWidget):
    """The text of the State column, with a progress bar below it while downloading."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.label = PlainLabel("", self)
        self.bar = QProgressBar(self)
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(4)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(3, 2, 6, 2)  # aligned with the header's text
        layout.setSpacing(3)
        layout.addStretch(1)
        layout.addWidget(self.label)
        layout.addWidget(self.bar)
        layout.addStretch(1)

    def show_row(self, row: ModelRow) -> None:
        """Shows the state of a model."""
        self.label.setText(row.state_text)
        self.label.setToolTip(tip(row.failed or row.state_text))
        self.bar.setVisible(row.downloading)
        if row.done is not None:
            self.bar.setRange(0, 1000 if row.bytes else 0)
            self.bar.setValue(1000 * row.done // row.bytes if row.bytes else 0)
