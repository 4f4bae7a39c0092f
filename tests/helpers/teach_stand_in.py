"""A process that prints the events of a training without training: ``... DATASET MODE KIND...``.

It adds its results to the dataset's record as the real one does. ``MODE`` is what happens after the third
step: "through" nothing, "wait" waits for the request to stop, "deaf" ignores that request, "crash" is
killed, "fail" reports a failure, "error" exits with a message on standard error, "worse" ends with results
that are not better.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from threading import Event

from samdesk.base.jobs import CancelToken
from samdesk.cli.background import stop_on_stdin
from samdesk.training.record.taught_record import DETECTOR, MASKS, Kind, Score, TaughtRecord, TaughtWeights
from samdesk.training.teach import events
from tests.helpers.flint_files import weights_file

NAMES = ("washer", "gear")
STEPS = 6


def main() -> None:
    folder, mode, *kinds = sys.argv[1:]
    cancel = CancelToken()
    stop_on_stdin(cancel)
    emit(events.MaterialFound(30, 12, 10))
    for kind in kinds:
        teach(Path(folder), MASKS if kind == MASKS else DETECTOR, mode, cancel)
    emit(events.TrainingEnded())


def teach(folder: Path, kind: Kind, mode: str, cancel: CancelToken) -> None:
    taught = TaughtRecord.read(folder)
    emit(events.TrainingStarted(kind, again=taught.unfinished(kind)))
    taught.mark_started(kind)
    for step in range(STEPS):
        emit(events.TrainingProgress(kind, step + 1, STEPS, 2.0, (STEPS - step - 1) / 2))
        if step == 2 and mode == "fail":
            emit(events.TrainingFailed("There are 3 images with accepted masks.", kind))
            return
        if step == 2:
            interrupt(mode, cancel)
    with tempfile.TemporaryDirectory() as place:
        head = (f"head.{time.time_ns()}",) if kind == MASKS else (f"yolo.{time.time_ns()}",)
        weights = weights_file(Path(place) / "w.safetensors", *head, names=NAMES)
        emit(events.TrainingResult(taught.add(trained_weights(kind, better=mode != "worse"), weights)))


def interrupt(mode: str, cancel: CancelToken) -> None:
    if mode == "wait":
        cancel._event.wait()
        emit(events.TrainingStopped())
        sys.exit(130)
    if mode == "deaf":
        Event().wait()
    if mode == "crash":
        os.kill(os.getpid(), signal.SIGKILL)
    if mode == "error":
        sys.exit("no memory left in this machine")


def trained_weights(kind: Kind, *, better: bool) -> TaughtWeights:
    gain = 0.08 if better else -0.02
    scores = (Score("box", 0.74, 0.74 + gain), Score("click", 0.55, 0.55 + 2 * gain))
    if kind == DETECTOR:
        scores = (Score("map50", 0.02, 0.61 if better else 0.01), Score("class washer", None, 0.7),
                  Score("class gear", None, 0.52))  # fmt: skip
    names = NAMES if kind == DETECTOR else ()
    return TaughtWeights("", kind, time.time(), scores, 9, 3, 95.0, better, names)


def emit(event: events.Event) -> None:
    print(events.to_line(event), flush=True)


if __name__ == "__main__":
    main()
