"""What a row of the model chooser knows and shows: words and sizes, the state cell, download speed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QProgressBar, QVBoxLayout, QWidget

from samdesk.base.rate import Rate
from samdesk.engine.flint.metadata import is_flint
from samdesk.engine.models import weights
from samdesk.engine.models.registry import ModelSpec, spec


@dataclass(frozen=True)
class Row:
    """One model of the chooser.

    Attributes:
        name: Registry name, or the path of a user's own checkpoint.
        title: For users.
        bytes: Download size, 0 where there is nothing to download.
        parameters: About how many, 0 where it does not apply or is not known.
        licence: Of the weights, "" where it is not known.
        present: Its weights are on this machine.
        note: What is said of it once it is there.
        done: Bytes downloaded so far; None: no download is running.
        rate: Bytes a second of the running download; None at its start.
        failed: Why its download failed, "" if it did not.
    """

    name: str
    title: str
    bytes: int = 0
    parameters: int = 0
    licence: str = ""
    present: bool = False
    note: str = "On this machine"
    done: int | None = None
    rate: float | None = None
    failed: str = ""

    @property
    def downloading(self) -> bool:
        """Whether it is being downloaded."""
        return self.done is not None

    @property
    def size_text(self) -> str:
        """The download size in MB."""
        return f"{self.bytes / 1e6:,.0f} MB" if self.bytes else "–"

    @property
    def parameters_text(self) -> str:
        """The number of parameters in millions."""
        return f"{self.parameters / 1e6:,.1f} M" if self.parameters else "–"

    @property
    def state_text(self) -> str:
        """Where it stands, in words."""
        if self.done is not None:
            share = f"{100 * self.done // self.bytes}%" if self.bytes else f"{self.done / 1e6:.0f} MB"
            speed = f"  ·  {self.rate / 1e6:.1f} MB/s" if self.rate else ""
            return f"Downloading {share}{speed}"
        if self.failed:
            return f"Failed: {self.failed}"
        if self.present:
            return self.note
        return "Not downloaded"


def row_of(model: ModelSpec) -> Row:
    """The row of a registry entry."""
    row = Row(model.name, model.title, model.bytes, model.parameters, model.licence, present=not model.url)
    return replace(row, note=model.note) if model.note else row


def row_of_file(path: str) -> Row:
    """The row of a user's own checkpoint."""
    return Row(path, Path(path).name, licence="your file", present=True)


def known_name(name_or_path: str) -> str:
    """The registry name of a model told by name or by where its weights are; else what was given.

    A user's own file that only has the name of a known one stays what it is.
    """
    known = spec(Path(name_or_path).name)
    if known is None:
        return name_or_path
    if name_or_path in (known.name, known.name.removesuffix(".pt")):
        return known.name
    found = weights.find(known.name)
    return known.name if found is not None and found == Path(name_or_path).resolve() else name_or_path


def tells_names(name_or_path: str) -> bool:
    """Whether a detector's file tells its classes without being loaded."""
    known = spec(name_or_path)
    return (known is not None and known.family == "flint") or is_flint(Path(name_or_path))


def with_progress(row: Row, done: int, total: int, rate: Rate) -> Row:
    """The row while it is downloaded."""
    rate.step(done)
    return replace(row, done=done, bytes=total or row.bytes, rate=rate.per_second or None, failed="")


class StateCell(QWidget):
    """The state in words, with a thin bar under it while downloading."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.words = QLabel(self)
        self.bar = QProgressBar(self)
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(4)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(3, 2, 6, 2)  # its words begin where the header's do
        layout.setSpacing(3)
        layout.addStretch(1)
        layout.addWidget(self.words)
        layout.addWidget(self.bar)
        layout.addStretch(1)

    def show_row(self, row: Row) -> None:
        """Shows where a model stands."""
        self.words.setText(row.state_text)
        self.words.setToolTip(row.failed or row.state_text)
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        self.bar.setVisible(row.downloading)
        if row.done is not None:
            self.bar.setRange(0, 1000 if row.bytes else 0)
            self.bar.setValue(1000 * row.done // row.bytes if row.bytes else 0)
