"""A process that prints the events of a training of a segmentation model: ``... DATASET MODE [--resume]``.

It keeps its folder and its model as the real one does. ``MODE`` is what happens after the first epoch of two:
"through" nothing, "wait" waits for the request to stop, "fail" reports a failure, "crash" is killed.
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

from samdesk.base.jobs import CancelToken
from samdesk.cli.background import stop_on_stdin
from samdesk.engine.models.trained import TrainedModel, register
from samdesk.training.fit import events
from samdesk.training.fit.record import FitRun, interrupted, new_run
from samdesk.training.fit.settings import FitSettings

EPOCHS = 2


def main() -> None:
    dataset, mode, *options = sys.argv[1:]
    cancel = CancelToken()
    stop_on_stdin(cancel)
    run = (
        interrupted(Path(dataset))
        if options
        else new_run(Path(dataset), FitSettings(epochs=EPOCHS, imgsz=32))
    )
    assert run is not None
    train(
        replace(run, names=("square", "disc"), start="the stand-in", images={"train": 3, "val": 1}),
        mode,
        cancel,
    )
    emit(events.FitEnded())


def train(run: FitRun, mode: str, cancel: CancelToken) -> None:
    done = len(run.epochs())
    images = {"train": 3, "val": 1}
    run.last.parent.mkdir(parents=True, exist_ok=True)
    emit(
        events.FitBegun(
            run.name, str(run.folder), run.start, images, {"train": 6, "val": 2}, EPOCHS, done, "cpu", 4, 32
        )
    )
    for epoch in range(done + 1, EPOCHS + 1):
        emit(events.FitProgress(epoch, EPOCHS, 1, 1, losses={"seg_loss": 1.5}, seconds_left=90.0))
        run = keep_epoch(run, epoch)
        if epoch == 1 and mode == "wait":
            cancel._event.wait()
            replace(run, state="stopped").write()
            emit(events.FitStopped(epoch))
            emit(events.FitEnded())
            sys.exit(130)
        if epoch == 1 and mode == "fail":
            replace(run, state="failed", message="The disk is full.").write()
            emit(events.FitFailed("The disk is full.", "Free some space, then resume."))
            return
        if epoch == 1 and mode == "crash":
            os.kill(os.getpid(), signal.SIGKILL)
    replace(run, state="done").write()
    values = {"metrics/mAP50(M)": 0.62, "metrics/mAP50-95(M)": 0.41}
    model = TrainedModel(
        run.name, run.when, str(run.dataset), run.names, images=images, epochs=EPOCHS, imgsz=32, values=values
    )
    model = register(model, lambda: b"weights")
    emit(events.FitResult(model.name, str(run.folder), str(model.path)))


def keep_epoch(run: FitRun, epoch: int) -> FitRun:
    """Keeps the state of an epoch as Ultralytics does."""
    values = {
        "train/seg_loss": 1.5 / epoch,
        "metrics/mAP50(M)": 0.31 * epoch,
        "metrics/mAP50-95(M)": 0.2 * epoch,
    }
    results = run.folder / "results.csv"
    if not results.exists():
        results.write_text(",".join(["epoch", *values]) + "\n")
    with results.open("a") as file:
        file.write(",".join(map(str, [epoch, *values.values()])) + "\n")
    run.last.write_bytes(b"state")
    run = replace(
        run, best_epoch=epoch, by_class={"square": (0.7, 0.5), "disc": (0.5, 0.3)}, seconds=5.0
    ).write()
    emit(events.FitEpoch(epoch, EPOCHS, values, True, 60.0))
    return run


def emit(event: events.FitEvent) -> None:
    print(events.to_line(event), flush=True)


if __name__ == "__main__":
    main()
