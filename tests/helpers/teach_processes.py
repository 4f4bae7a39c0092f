"""Arguments of training processes for tests: a real but quick one, and a stand-in without training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from samdesk.workers.teach import Arguments, teach_arguments
from tests.helpers.machine_parts import parts_folder
from tests.helpers.seeded_yolo import save_seeded_yolo

LABELLED = ("washer", "gear")
COUNT = 9
STEPS = 6
"""Steps of a quick training of the detector."""


def parts(folder: Path) -> Path:
    """A folder of small images of machine parts with label files, two classes."""
    parts_folder(folder, COUNT, height=96, width=128, labelled=LABELLED, most=4)
    return folder


def base(folder: Path) -> Path:
    """A detector with seeded random weights."""
    return save_seeded_yolo(folder / "base.safetensors", ("person", " Washer"))


def quick(base_file: Path) -> Arguments:
    """A real training that takes seconds."""
    return lambda folder, kinds: [*teach_arguments(folder, kinds), "--quick", "--base", str(base_file)]


def stand_in(mode: str | Callable[[], str] = "through") -> Arguments:
    """The stand-in, in a mode that may change from one start to the next."""

    def arguments(folder: Path, kinds: Sequence[str]) -> list[str]:
        now = mode if isinstance(mode, str) else mode()
        return ["-m", "tests.helpers.teach_stand_in", str(folder), now, *kinds]

    return arguments
