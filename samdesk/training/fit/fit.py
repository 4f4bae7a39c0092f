"""Trains a segmentation model on a dataset, from the first check to the entry among the trained models."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from samdesk.base.errors import UserError, first_line, reason
from samdesk.base.jobs import Cancelled, CancelToken
from samdesk.dataset.trainer.reading import TRAINED
from samdesk.engine import ultralytics_trainer
from samdesk.engine.models.trained import TrainedModel, register
from samdesk.engine.protocols import OutOfMemory
from samdesk.engine.runtime.device import resolve, translate_torch_errors
from samdesk.training.fit.errors import FitError
from samdesk.training.fit.events import FitFailed, FitNote, FitResult, FitStopped
from samdesk.training.fit.material import read_fit_material, write_data
from samdesk.training.fit.record import FitRun, fit_runs, new_run, read_run, stopped, training_lock
from samdesk.training.fit.settings import FitSettings, check_folder, check_more
from samdesk.training.fit.start import FitStart, find_start, with_task
from samdesk.training.fit.trainer import OnEvent, Training, best_figures, done_epochs, stripped_file

log = logging.getLogger(__name__)

_KEPT = "Progress so far is kept; resume the training to go on."


@dataclass(frozen=True)
class FitPlan:
    """What is to be trained.

    Attributes:
        dataset: The dataset.
        settings: How; not used by a training that is resumed.
        out: The folder of the results; None: one of samdesk's own.
        resume: Go on with the training that was interrupted.
    """

    dataset: Path
    settings: FitSettings = field(default_factory=FitSettings)
    out: Path | None = None
    resume: bool = False


def fit(plan: FitPlan, on_event: OnEvent, cancel: CancelToken) -> TrainedModel | None:
    """Trains a model and registers its best epoch; the events say how it goes.

    It changes torch and Ultralytics for the whole process: run it in one of its own.

    Returns:
        The model; None if the training was stopped or failed, which an event has said.

    Raises:
        UserError: It could not begin.
    """
    with training_lock(plan.dataset.resolve()):
        run = _resumed(plan) if plan.resume else _begun(plan, on_event)
        try:
            model = _train(run, on_event, cancel)
        except Cancelled:
            run = stopped(run, "stopped")
            on_event(FitStopped(len(run.epochs()) if run.last.is_file() else 0))
            return None
        except UserError as error:
            stopped(run, "failed", str(error))
            on_event(FitFailed(error.what, error.next))
            return None
        on_event(FitResult(model.name, str(run.folder), str(model.path)))
        return model


def _begun(plan: FitPlan, on_event: OnEvent) -> FitRun:
    """Checks what can be checked and writes the folder of a new training."""
    material = read_fit_material(plan.dataset)
    material.check()
    if not material.names:
        raise FitError(f"{material.file} names no classes.", next="Add a label first.")
    if not material.split:
        on_event(
            FitNote(
                "The training and validation images are the same, so the figures will flatter the model: "
                "make a split (samdesk split)."
            )
        )
    start = check_plan(plan)
    if start.note:
        on_event(FitNote(start.note))
    run = replace(new_run(material.folder, plan.settings, plan.out), names=material.names, start=start.title)
    run = replace(run, images={split: n for split, n in material.images.items() if split in TRAINED})
    with _disk_errors_in_words(run.folder):
        run.folder.mkdir(parents=True, exist_ok=True)
        write_data(material, run.data)
        return run.write()


def check_plan(plan: FitPlan) -> FitStart:
    """Checks what does not depend on the dataset, and returns what the training starts from.

    Raises:
        UserError: There is no such model, an argument is none of the trainer's, or the folder is in use.
    """
    check_more(plan.settings.more)
    if plan.out is not None:
        check_folder(plan.out)
    return with_task(find_start(plan.settings.model))


def _resumed(plan: FitPlan) -> FitRun:
    run = read_run(plan.out.absolute()) if plan.out is not None else interrupted_here(plan.dataset)
    if run is None or run.state == "done":
        where = f"in {plan.out}" if plan.out is not None else f"on {plan.dataset}"
        raise FitError(f"There is no interrupted training {where}.", next="Start one without --resume.")
    if not run.last.is_file():
        raise FitError(
            "The training was interrupted before its first epoch was done.", next="Start it without --resume."
        )
    names = read_fit_material(run.dataset).names
    if names != run.names:
        raise FitError(
            "The classes of the dataset have changed since the training began.", next="Start a new training."
        )
    return stopped(run, "running")


def interrupted_here(dataset: Path) -> FitRun | None:
    """``interrupted`` for the process that holds the lock of the dataset's trainings."""
    newest = next(iter(fit_runs(dataset)), None)
    return newest if newest is not None and newest.state != "done" else None


def _train(run: FitRun, on_event: OnEvent, cancel: CancelToken) -> TrainedModel:
    more = check_more(run.settings.more)
    device = _device(run.settings.device)
    done = done_epochs(run) if run.last.is_file() else 0
    start = FitStart("weights", "", None, "") if done else with_task(find_start(run.settings.model))
    if done < run.settings.epochs:
        training = Training(run, start, more, device, on_event, cancel)
        with ultralytics_trainer.logging_to(run.log), _trainer_errors_in_words(run, device):
            training.train(done)
    return _register(read_run(run.folder) or run)


def _register(run: FitRun) -> TrainedModel:
    """Adds the best epoch to the trained models and cleans up."""
    epoch, values, checkpoint = best_figures(run)
    model = TrainedModel(
        run.name,
        time.time(),
        str(run.dataset),
        run.names,
        run.start,
        run.images,
        len(run.epochs()),
        epoch,
        run.settings.imgsz,
        run.seconds,
        values,
        run.by_class if epoch == run.best_epoch else {},
    )
    with _disk_errors_in_words(run.folder):
        model = register(model, lambda: stripped_file(checkpoint))
        replace(run, state="done").write()
        run.last.unlink(missing_ok=True)
    return model


def _device(name: str) -> str:
    if "," in name:
        raise FitError("A training uses one device.", next="Choose one, such as cuda:0.")
    return resolve(name)


@contextmanager
def _trainer_errors_in_words(run: FitRun, device: str) -> Iterator[None]:
    try:
        with translate_torch_errors("The training", device):
            yield
    except OutOfMemory as error:
        raise FitError(
            f"The training needs more memory than {device} has left.",
            next="Choose a smaller batch, image size or model. " + (_KEPT if run.last.is_file() else ""),
        ) from error
    except (Cancelled, UserError) as error:
        if isinstance(error, UserError) and isinstance(error.__cause__, RuntimeError):
            raise FitError(in_words(error.__cause__), next=f"The log is {run.log}.") from error
        raise
    except OSError as error:
        raise FitError(f"The training stopped: {reason(error)}.", next=_KEPT) from error
    except Exception as error:
        log.info("the trainer failed", exc_info=True)
        raise FitError(in_words(error), next=f"The log is {run.log}.") from error


def in_words(error: BaseException) -> str:
    """Why Ultralytics' trainer refused, as a sentence."""
    text = " ".join(str(error).replace("❌", "").split())
    for found, words in (
        ("equal numbers of boxes and segments", "Some label files hold boxes: masks are needed to train on."),
        ("No labels found", "The trainer found no label in the training images' label files."),
        ("No valid images found", "The trainer found no image that it can read."),
        ("No images found", "The trainer found no image that it can read."),
        ("BatchNorm", "The last batch of an epoch would have one image: choose another batch."),
        ("froze the entire model", "With this 'freeze' nothing is left to train."),
        (
            "not on this machine, and nothing is downloaded",
            "A file the training needs is not on this machine.",
        ),
    ):
        if found in text:
            return words
    return f"Ultralytics' trainer stopped: {first_line(error)}."


@contextmanager
def _disk_errors_in_words(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FitError(f"{error.filename or folder} cannot be written: {reason(error)}.") from error
