"""DatasetOperation: steps on a dataset of three images; what is saved stays, what fails changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from samdesk.base.errors import UserError
from samdesk.dataset.dataset import Dataset
from tests.dataset.dataset_kit import draw, with_labels
from tests.dataset.fault_session import fingerprint
from tests.dataset.test_kill import check_files_are_whole, check_label_files, check_last_words, check_undo
from tests.faults import shim
from tests.faults.dataset_steps import KEYS, Step, make_images, run
from tests.faults.operation import Say, nothing


@dataclass(frozen=True)
class DatasetOperation:
    """Steps on a dataset of three images.

    Attributes:
        steps: What is done; each is saved, or fails and leaves everything as it was.
        content: Makes what the folder holds from before; the images are there.
    """

    steps: tuple[Step, ...]
    content: Callable[[Path], None] = nothing

    def prepare(self, folder: Path) -> None:
        make_images(folder)
        self.content(folder)

    def play(self, folder: Path) -> None:
        dataset = Dataset.open(folder)
        for step in self.steps:
            step(dataset)
        dataset.close()

    def session(self, folder: Path, say: Say) -> None:
        try:
            dataset = Dataset.open(folder)
        except (UserError, OSError):
            shim.disarm()
            dataset = Dataset.open(folder)
        if dataset.in_memory:  # nothing is saved there, as a notice says
            assert dataset.notices()
            dataset.close()
            shim.disarm()
            dataset = Dataset.open(folder)
        said = _report(dataset)
        say(said)
        for step in self.steps:
            try:
                step(dataset)
            except (UserError, OSError) as failed:
                if step is not run:  # it may have saved some of its images, as one step
                    _check_unchanged(dataset, said, failed)
            except (IndexError, KeyError):
                pass  # the step before it, which it needs, was not saved
            with suppress(UserError):  # nothing can be read either
                said = _report(dataset)
                say(said)
        shim.disarm()
        if not dataset.read_only:
            _go_on(dataset)
            say(_report(dataset))
        dataset.close()

    def check(self, folder: Path, said: list[str], *, killed: bool) -> None:
        if (folder / ".samdesk" / "dataset.db").exists():
            check_files_are_whole(folder)
        dataset = Dataset.open(folder)
        try:
            assert not dataset.read_only, dataset.reason
            if said:
                check_last_words(dataset, said[-1].split())
                assert killed or fingerprint(dataset) == said[-1].split()[3]
            if not dataset.conflicts:
                check_label_files(folder, dataset)
                check_undo(folder, dataset)
        finally:
            dataset.close()


def _report(dataset: Dataset) -> str:
    done, undone = dataset.history(10**6)
    return f"saved {len(done)} {len(undone)} {fingerprint(dataset)}"


def _check_unchanged(dataset: Dataset, said: str, failed: Exception) -> None:
    try:
        now = _report(dataset)
    except UserError:
        return  # nothing can be read either
    assert now == said, f"it failed ({failed!r}) but was saved: before {said}, after {now}"


def _go_on(dataset: Dataset) -> None:
    """The disk works again: so does everything."""
    before = len(dataset.history(10**6)[0])
    with_labels(dataset, f"label {len(dataset.labels)}")
    draw(dataset, KEYS[0], 40)
    assert len(dataset.history(10**6)[0]) == before + 2
