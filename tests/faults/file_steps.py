"""What writes files of its own: taught weights, label files of a plain folder, settings."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from samdesk.batch.targets.label_folder import LabelFolder
from samdesk.domain.document import ImageKey
from samdesk.settings.file import merge_into, read_table
from samdesk.training.record.taught_record import MASKS, TaughtRecord, TaughtWeights
from tests.helpers.flint_files import weights_file

Step = Callable[[Path], object]
KEYS = (ImageKey("a.jpg"), ImageKey("b.jpg"))


def teach(name: str, when: float) -> Step:
    """Adds the weights of a training that was started, and puts them in use."""

    def step(folder: Path) -> None:
        with tempfile.TemporaryDirectory() as home:
            weights = weights_file(Path(home) / "new.safetensors", f"head.{name}")
            taught = TaughtRecord.read(folder)
            taught.add(TaughtWeights("", MASKS, when, better=True), weights)

    return step


def start(folder: Path) -> None:
    TaughtRecord.read(folder).mark_started(MASKS)


def use_newest(folder: Path) -> None:
    taught = TaughtRecord.read(folder)
    if newest := taught.latest(MASKS):
        taught.use(newest)


def undo_use(folder: Path) -> None:
    TaughtRecord.read(folder).undo()


def taught_state(folder: Path) -> str:
    taught = TaughtRecord.read(folder)
    assert not taught.problem
    assert not [entry.problem for entry in taught.entries if entry.problem]
    used = taught.in_use.of(MASKS)
    ids = [entry.id for entry in taught.entries]
    return f"{ids} used {used and used.id} undo {taught.can_undo} redo {taught.can_redo}"


def write_labels(key: ImageKey, text: str) -> Step:
    """Writes a label file as a run does."""

    def step(folder: Path) -> None:
        labels = _label_folder(folder)
        with labels.locked():
            labels.write(key, text, from_run=True)

    return step


def record_run(folder: Path) -> None:
    """Writes the record of the label files that runs wrote anew, and a label file."""
    labels = _label_folder(folder)
    with labels.locked():
        labels.begin()
        labels.write(KEYS[0], "0 0.5 0.5 0.1 0.1\n", from_run=True)


def label_state(folder: Path) -> str:
    """A file is whole; one that was written before the record of it counts as edited by hand."""
    labels = _label_folder(folder)
    assert not labels.problem
    return str([labels.read(key) for key in KEYS])


def _label_folder(folder: Path) -> LabelFolder:
    return LabelFolder(folder / "labels", KEYS)


def change_setting(key: str, value: object) -> Step:
    return lambda folder: merge_into(folder / "settings.json", {key: value})


def settings_state(folder: Path) -> str:
    return str(read_table(folder / "settings.json"))
