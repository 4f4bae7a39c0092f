"""Moves a label of a large dataset and writes the label files, slowly, until it is killed."""

from __future__ import annotations

import sys
from pathlib import Path

from samdesk.dataset import core
from samdesk.dataset.dataset import Dataset
from samdesk.domain.edits import Transaction


def main(folder: Path) -> None:
    core._SCAN_SECONDS = 0.0  # only the fewest files at once
    core._UNSAVED = 40
    dataset = Dataset.open(folder)
    labels = dataset.labels
    moved = labels.move(labels.labels[0].id, 2)
    dataset.commit(Transaction("Move label", labels=moved, labels_before=labels))
    print("saved", flush=True)
    while dataset.unfinished:
        sys.stdin.readline()  # until the test wants more
        dataset.advance(0)
        print("part", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
