"""``samdesk fit DATASET``: trains a YOLO segmentation model with Ultralytics' own trainer.

Exit codes: 0 success, 1 the training failed, 2 usage error, 130 stopped (Ctrl+C).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from samdesk.base.errors import UserError
from samdesk.base.jobs import CancelToken
from samdesk.base.text import counted, duration, share
from samdesk.cli.exit_codes import DONE, FAILED, STOPPED, wrong_usage
from samdesk.cli.output import echo
from samdesk.cli.parameters import TRUST_HELP

if TYPE_CHECKING:
    from samdesk.cli.progress import LineOutput
    from samdesk.engine.models.trained import TrainedModel
    from samdesk.training.fit.events import FitBegun, FitEpoch, FitEvent, FitProgress
    from samdesk.training.fit.fit import FitPlan


def fit(  # noqa: PLR0913 - one argument an option
    dataset: Annotated[Path, typer.Argument(help="A folder of annotated images.")],
    more: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Argument(
            metavar="[KEY=VALUE]...",
            help="All other arguments of Ultralytics' trainer, such as lr0=0.001 patience=20 cos_lr=True.",
        ),
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            help="n, s, m, l or x (YOLO11 segmentation), a model trained here, a checkpoint's path, or "
            "yolo11n-seg.yaml to start from scratch. Without downloaded weights a detector's are used, and "
            "that is said."
        ),
    ] = "n",
    epochs: Annotated[int, typer.Option(help="Maximum number of epochs.")] = 100,
    imgsz: Annotated[
        int, typer.Option(help="Image size; by default the training size of the dataset (640).")
    ] = 0,
    batch: Annotated[int, typer.Option(help="Images per step; -1: as many as fit the GPU.")] = 16,
    device: Annotated[str, typer.Option(help="cuda:0, mps or cpu; by default the fastest.")] = "",
    split: Annotated[
        str, typer.Option(help="Training, validation and test shares, if the dataset has no split yet.")
    ] = "80/20",
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(metavar="DIR", help="Folder for the results (default: one of samdesk's own)."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the training that was stopped or interrupted.")
    ] = False,
    trust: Annotated[bool, typer.Option("--trust", help=TRUST_HELP)] = False,
    listing: Annotated[bool, typer.Option("--list", help="List all trained models.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")] = False,
    background: Annotated[bool, typer.Option("--background", hidden=True)] = False,
) -> None:
    """Train a YOLO segmentation model on a dataset, with Ultralytics' own trainer.

    The result finds and outlines your classes: it is listed for auto-annotate by its name, such as
    "shapes-seg 2026-11-28". (To make Flint, the built-in model, better at your images use 'samdesk teach';
    'samdesk train' makes Flint anew from large data sets.) Nothing is written beside your images but the
    split, if there is none.
    """
    # Imported here, because the window starts through the same command line and needs none of it.
    from samdesk.engine.checkpoints.trusted import trusting
    from samdesk.training.fit.fit import FitPlan, check_plan
    from samdesk.training.fit.settings import FitSettings

    try:
        if listing:
            _print_models()
            return
        if not dataset.is_dir():
            raise ValueError(f"There is no folder {dataset}.")
        settings = FitSettings(model, epochs, imgsz or _train_size(dataset), batch, device, _text(more or []))
        plan = FitPlan(dataset, settings, out, resume)
        if not resume and not background:
            trusting(partial(check_plan, plan), trust)  # before the dataset is changed
            _ensure_split(dataset, split)
        raise typer.Exit(_run(plan, as_json, background))
    except (ValueError, UserError) as error:
        raise wrong_usage("fit", error) from error


def _text(more: list[str]) -> str:
    import shlex

    return shlex.join(more)


def _train_size(dataset: Path) -> int:
    from samdesk.training.fit.material import train_size

    return train_size(dataset)


def _ensure_split(dataset: Path, ratio: str) -> None:
    from samdesk.training.fit.split import ensure_split

    made = ensure_split(dataset, ratio)
    if made:
        echo(made, err=True)


def _run(plan: FitPlan, as_json: bool, background: bool) -> int:
    from samdesk.cli.background import lower_priority, stop_on_stdin
    from samdesk.cli.interrupt import stop_on_ctrl_c
    from samdesk.training.fit.events import FitEnded, FitFailed, FitStopped
    from samdesk.training.fit.fit import fit as train

    cancel, codes = CancelToken(), [DONE]
    if background:
        lower_priority()
        stop_on_stdin(cancel)

    def on_event(event: FitEvent) -> None:
        codes.append({FitStopped: STOPPED, FitFailed: FAILED}.get(type(event), DONE))
        printer.print_event(event)

    try:
        message = "Stopping after this batch; finished epochs are kept"
        with stop_on_ctrl_c(cancel, message), _printer(as_json) as printer:
            try:
                model = train(plan, on_event, cancel)
            except UserError as error:
                if not as_json:
                    raise
                on_event(FitFailed(error.what, error.next))
                model = None
            if as_json:
                printer.print_event(FitEnded())
        if model is not None and not as_json:
            _print_model(model)
    except KeyboardInterrupt:
        echo("Stopped. Finished epochs are kept; add --resume to go on.", err=True)
        return STOPPED
    except BrokenPipeError:
        return STOPPED  # the reader of the output has exited
    return max(codes)


@contextmanager
def _printer(as_json: bool) -> Iterator[JsonFitPrinter | FitPrinter]:
    from samdesk.cli.progress import progress_output

    if as_json:
        yield JsonFitPrinter()
        return
    with progress_output() as output:
        yield FitPrinter(output)


class JsonFitPrinter:
    """Prints one JSON object per line on standard output."""

    def print_event(self, event: FitEvent) -> None:
        """Prints an event. Raises ``OSError`` when the reader has closed the pipe."""
        from samdesk.training.fit.events import to_line

        typer.echo(to_line(event))


class FitPrinter:
    """Prints what happens: a line for each epoch, and a bar on a terminal."""

    def __init__(self, output: LineOutput) -> None:
        self._output = output

    def print_event(self, event: FitEvent) -> None:
        """Prints an event."""
        from samdesk.training.fit import events

        if isinstance(event, events.FitProgress):
            done, total = progress_of(event)
            self._output.step(done, total, "", progress_text(event))
        elif isinstance(event, events.FitFailed):
            self._output.warning(f"{event.message} {event.next}".rstrip())
        else:
            text = event_text(event)
            if text:
                self._output.message(text)


def progress_of(event: FitProgress) -> tuple[int, int]:
    """Batches done and all of them."""
    return (event.epoch - 1) * event.batches + event.batch, event.epochs * event.batches


def progress_text(event: FitProgress) -> str:
    """The state of an epoch: "epoch 3/100, seg loss 1.20, 12 min left"."""
    parts = [f"epoch {event.epoch}/{event.epochs}"]
    if event.stage == "val":
        parts.append("validating")
    elif "seg_loss" in event.losses:
        parts.append(f"seg loss {event.losses['seg_loss']:.2f}")
    if event.seconds_left:
        parts.append(f"{duration(event.seconds_left)} left")
    return ", ".join(parts)


def event_text(event: FitEvent) -> str:
    """The text of an event for the user; "" if it has none."""
    from samdesk.training.fit import events

    if isinstance(event, events.FitNote):
        return event.text
    if isinstance(event, events.FitBegun):
        return _begun_text(event)
    if isinstance(event, events.FitEpoch):
        return _epoch_text(event)
    if isinstance(event, events.FitStopped):
        kept = f"{counted(event.epoch, 'epoch')} kept; add --resume to go on." if event.epoch else ""
        return f"Stopped. {kept or 'No epoch was finished.'}"
    return ""


def _begun_text(event: FitBegun) -> str:
    parts = [
        f"{counted(event.images[split], 'image')} with {counted(event.instances[split], 'instance')} {use}"
        for split, use in (("train", "to train on"), ("val", "to validate"))
    ]
    again = f" after {counted(event.done, 'epoch')}" if event.done else ""
    verb = "Resuming" if event.done else "Training"
    return (
        f"{', '.join(parts)}.\n{verb} {event.start or event.name}{again}: "
        f"{counted(event.epochs, 'epoch')} at {event.imgsz} pixels, {event.batch} images per step, on "
        f"{event.device}.\n"
        f"Results: {event.folder}"
    )


def _epoch_text(event: FitEpoch) -> str:
    values = event.values
    figures = [
        f"seg loss {values.get('train/seg_loss', 0):.3f}",
        f"mask mAP50 {share(values.get('metrics/mAP50(M)'), 3)}",
        f"mAP50-95 {share(values.get('metrics/mAP50-95(M)'), 3)}",
    ]
    left = f"  ({duration(event.seconds_left)} left)" if event.seconds_left else ""
    return f"epoch {event.epoch}/{event.epochs}: {', '.join(figures)}{' *' if event.best else ''}{left}"


def _print_model(model: TrainedModel) -> None:
    echo(f"{model.name}: {figures_text(model)}.")
    echo(f"Saved as {model.path}")
    echo(
        f"Use it: samdesk annotate DATA --from segmenter --det-model '{model.name}', or choose it in the "
        "window under Auto-annotate."
    )


def figures_text(model: TrainedModel) -> str:
    """The figures of a model in a line."""
    return (
        f"mask mAP50 {share(model.mask_map50, 3)}, mAP50-95 {share(model.mask_map, 3)} (epoch "
        f"{model.best_epoch} of {model.epochs}, {duration(model.seconds, exact=True)})"
    )


def _print_models() -> None:
    from samdesk.engine.models.trained import trained_models

    models = trained_models()
    for model in models:
        echo(f"{model.name}: {figures_text(model)}; {', '.join(model.names[:8])}")
    if not models:
        echo("No model was trained on this machine yet.")
