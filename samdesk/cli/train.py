"""``samdesk train`` and ``samdesk evaluate``: train Flint on annotated images, measure mask models."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from samdesk.base.errors import UserError
from samdesk.base.jobs import Cancelled, CancelToken
from samdesk.cli.exit_codes import FAILED, STOPPED, wrong_usage
from samdesk.cli.finding.evaluate import FindEvaluation
from samdesk.cli.output import echo
from samdesk.cli.parameters import TRUST_HELP

_FOLDERS = typer.Argument(help="Folders with instances.json (COCO) and images/, or samdesk datasets.")


def train(
    data: Annotated[list[Path], _FOLDERS],
    out: Annotated[Path, typer.Option(help="Folder for checkpoint, log, report and weights.")] = Path(
        "flint-run"
    ),
    steps: Annotated[int, typer.Option(help="Optimiser steps; 0 for the default.")] = 0,
    seed: Annotated[int, typer.Option(help="Random seed.")] = 0,
    encoder_rate: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(help="Learning rate of the encoder; 0 freezes it."),
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda or mps.")] = "cpu",
) -> None:
    """Train Flint, the built-in model, anew from YOLO11n; for a YOLO model see 'samdesk fit'.

    Ctrl+C stops; the same command resumes.
    """
    from dataclasses import replace

    from samdesk.training.masks.recipe import Recipe

    recipe = replace(Recipe(), seed=seed)
    recipe = replace(recipe, steps=steps) if steps else recipe
    recipe = recipe if encoder_rate is None else replace(recipe, encoder_rate=encoder_rate)
    with _stoppable("train", "Progress so far is kept; run the same command to resume.") as cancel:
        _train(data, out, recipe, device, cancel)


def evaluate(  # noqa: PLR0913 - one argument an option
    data: Annotated[list[Path], _FOLDERS],
    model: Annotated[
        str, typer.Option(help="flint, a SAM model or file, a plug-in, 'grabcut' or 'box'.")
    ] = "flint",
    all_images: Annotated[bool, typer.Option("--all", help="All images, not only those held out.")] = False,
    least_area: Annotated[float, typer.Option(help="Skip instances smaller than this, in pixels.")] = 0.0,
    json_file: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--json", help="Also write every result to this file."),
    ] = None,
    find: Annotated[
        bool,
        typer.Option(
            "--find",
            help="Measure instead how well a YOLOE model finds the labels: average precision on held-out "
            "images, prompted with words and with 1, 5 and 20 examples.",
        ),
    ] = False,
    det_model: Annotated[
        str, typer.Option(help="With --find: the model, name or path; by default the best installed.")
    ] = "",
    imgsz: Annotated[
        int, typer.Option(min=32, help="With --find: images are resized to this for detection.")
    ] = 640,
    trust: Annotated[bool, typer.Option("--trust", help=TRUST_HELP)] = False,
) -> None:
    """Measure a model's mean IoU with simulated prompts, by kind of prompt and size of object."""
    from dataclasses import asdict

    from samdesk.training.evaluate.baselines import load_model_or_baseline
    from samdesk.training.evaluate.masks import evaluate as evaluate_masks
    from samdesk.training.evaluate.report import table
    from samdesk.training.evaluate.splits import split_by_name

    if find or det_model or trust or imgsz != 640:
        request = FindEvaluation(tuple(data), det_model, imgsz, json_file, trust)
        _evaluate_finding(request, find=find, others=all_images or least_area > 0)
        return
    with _stoppable("evaluate", "There is no result.") as cancel, _bar("images") as show:
        every = _read(data)
        images = every if all_images else list(split_by_name(every).held_out)

        def on_image(done: int, total: int) -> None:
            cancel.check()
            show(done, total)

        outcomes = evaluate_masks(
            load_model_or_baseline(model), images, min_area=least_area, on_image=on_image
        )
        if not outcomes:
            raise _nothing_measured(data, len(every), len(images), least_area)
    if json_file is not None:
        json_file.write_text(json.dumps([asdict(o) for o in outcomes]), "utf-8")
    echo(table(outcomes))


def _evaluate_finding(request: FindEvaluation, *, find: bool, others: bool) -> None:
    with _stoppable("evaluate", "There is no result."):
        if not find:
            raise ValueError("--det-model, --imgsz and --trust need --find")
        if others:
            raise ValueError("--all and --least-area do not go with --find: examples are on other images")
    with _stoppable("evaluate", "There is no result.") as cancel, _bar("images") as show:
        print_result = request.run(cancel, show)
    print_result()


def _nothing_measured(data: list[Path], found: int, measured: int, least_area: float) -> UserError:
    where = ", ".join(map(str, data))
    if found and not measured:
        return UserError(f"No image in {where} is held out.", next="Use --all to measure on all images.")
    if measured and least_area > 0:
        return UserError(f"No annotation in {where} has {least_area:g} pixels or more.")
    return UserError(f"No annotated images in {where}.")


def _train(data: list[Path], out: Path, recipe: Any, device: str, cancel: CancelToken) -> None:
    from samdesk.base.places import flint_weights
    from samdesk.engine.flint.detector import build_yolo, read_yolo
    from samdesk.training.evaluate.splits import split_by_name
    from samdesk.training.train_flint import finish, new_network, run_training

    split = split_by_name(_read(data))
    if not split.train:
        raise UserError(f"No annotated images in {', '.join(map(str, data))}.")
    base = flint_weights()
    yolo = build_yolo(read_yolo(base), str(base)).model
    network = new_network(yolo, recipe.seed)
    with _bar("steps") as show:
        trainer = run_training(
            network, split, recipe, out, device=device, cancel=cancel,
            on_step=lambda report: show(report.step, recipe.steps),
        )  # fmt: skip
    with _bar("images evaluated") as show:
        finish(trainer, split, base, out, show)
    echo(f"Weights and report written to {out}.")


def _read(data: list[Path]) -> list[Any]:
    from samdesk.training.evaluate.coco import read_coco
    from samdesk.training.teach.material import read_material

    images: list[Any] = []
    for folder in data:
        try:
            coco = (folder / "instances.json").is_file()
            images += read_coco(folder)[0] if coco else read_material(folder).images
        except (OSError, ValueError) as error:
            raise UserError(f"{folder} cannot be read: {error}") from error
    return images


@contextmanager
def _bar(what: str) -> Iterator[Any]:
    """Shows a progress bar with counts and the time left."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)


@contextmanager
def _stoppable(command: str, after: str) -> Iterator[CancelToken]:
    """Ctrl+C cancels the token; errors are printed and set the exit code.

    Args:
        command: Its name, printed before an error.
        after: Printed when it was stopped.
    """
    from samdesk.cli.interrupt import stop_on_ctrl_c

    cancel = CancelToken()
    try:
        with stop_on_ctrl_c(cancel, "Stopping"):
            yield cancel
    except (Cancelled, KeyboardInterrupt):
        echo(f"Stopped. {after}", err=True)
        raise typer.Exit(STOPPED) from None
    except (ValueError, UserError) as error:
        raise wrong_usage(command, error) from error
    except OSError as error:
        echo(f"samdesk {command}: {error}", err=True)
        raise typer.Exit(FAILED) from error
