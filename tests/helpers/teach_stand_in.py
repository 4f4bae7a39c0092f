"""A process that says what a teaching says, and teaches nothing: ``... DATASET MODE KIND...``.

It keeps its results in the dataset's record as the real one does. ``MODE`` is what befalls it after its
third step: "through" nothing, "wait" it waits until it is asked to stop, "deaf" it waits for ever, "crash"
it is killed, "fail" it says why it cannot, "error" it ends with words on the standard error, "worse" its
results are no better.
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
from samdesk.training.record.taught import DETECTOR, MASKS, Kind, Score, Taught, Teaching
from samdesk.training.teach import events
from tests.helpers.flint_files import weights_file

NAMES = ("washer", "gear")
STEPS = 6


def main() -> None:
    folder, mode, *kinds = sys.argv[1:]
    cancel = CancelToken()
    stop_on_stdin(cancel)
    say(events.Found(30, 12, 10))
    for kind in kinds:
        teach(Path(folder), MASKS if kind == MASKS else DETECTOR, mode, cancel)
    say(events.Ended())


def teach(folder: Path, kind: Kind, mode: str, cancel: CancelToken) -> None:
    taught = Taught.read(folder)
    say(events.Begun(kind, again=taught.unfinished(kind)))
    taught.began(kind)
    for step in range(STEPS):
        say(events.Progressed(kind, step + 1, STEPS, 2.0, (STEPS - step - 1) / 2))
        if step == 2 and mode == "fail":
            say(events.Failed("There are 3 images with accepted masks.", kind))
            return
        if step == 2:
            befall(mode, cancel)
    with tempfile.TemporaryDirectory() as place:
        head = (f"head.{time.time_ns()}",) if kind == MASKS else (f"yolo.{time.time_ns()}",)
        weights = weights_file(Path(place) / "w.safetensors", *head, names=NAMES)
        say(events.Result(taught.add(figures(kind, better=mode != "worse"), weights)))


def befall(mode: str, cancel: CancelToken) -> None:
    if mode == "wait":
        cancel._event.wait()
        say(events.Stopped())
        sys.exit(130)
    if mode == "deaf":
        Event().wait()
    if mode == "crash":
        os.kill(os.getpid(), signal.SIGKILL)
    if mode == "error":
        sys.exit("no memory left in this machine")


def figures(kind: Kind, *, better: bool) -> Teaching:
    gain = 0.08 if better else -0.02
    scores = (Score("box", 0.74, 0.74 + gain), Score("click", 0.55, 0.55 + 2 * gain))
    if kind == DETECTOR:
        scores = (Score("map50", 0.02, 0.61 if better else 0.01), Score("class washer", None, 0.7),
                  Score("class gear", None, 0.52))  # fmt: skip
    names = NAMES if kind == DETECTOR else ()
    return Teaching("", kind, time.time(), scores, 9, 3, 95.0, better, names)


def say(event: events.Event) -> None:
    print(events.to_line(event), flush=True)


if __name__ == "__main__":
    main()
