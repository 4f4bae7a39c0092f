"""``samdesk export DATASET --format F --out DIR``: writes a dataset in another format, and proves it.

Exit codes: 0 done, 1 some images could not be exported, 2 wrong usage, or nothing could be written, 130
cancelled: nothing of the export is left.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from samdesk.cli.exit_codes import DONE, FAILED, STOPPED, ends_in_words, wrong_usage
from samdesk.cli.interrupt import stop_on_ctrl_c
from samdesk.cli.output import echo
from samdesk.cli.progress import BarOutput, progress_output, speed

if TYPE_CHECKING:
    from samdesk.exchange.exporting.plan import ExportPlan, LabelChoice
    from samdesk.exchange.exporting.report import ExportReport

_WORST_SHOWN = 5


def export(  # noqa: PLR0913 - the options of the command
    dataset: Annotated[Path, typer.Argument(help="Folder of the dataset.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="New folder for the export.")],
    format_id: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--format", metavar="F", help="Format; 'samdesk formats' lists them (default: yolo-seg)."
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier export there.")] = False,
    preset_name: Annotated[
        str, typer.Option("--preset", metavar="NAME", help="Begin with a saved preset; options override it.")
    ] = "",
    save_as: Annotated[
        str, typer.Option("--save-preset", metavar="NAME", help="Save these options under a name.")
    ] = "",
    scope: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(metavar="WHICH", help="Images: all (default) or accepted."),
    ] = None,
    search: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(metavar="TEXT", help="Only the images that this search finds."),
    ] = None,
    states: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(metavar="WHICH", help="Annotations: not-rejected (default) or accepted."),
    ] = None,
    label: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            metavar="NAME[=NEW]", help="Only this label, perhaps renamed; repeat it. The order gives the ids."
        ),
    ] = None,
    rename: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(metavar="NAME=NEW", help="Rename a label, or merge it with another; repeat it."),
    ] = None,
    min_area: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(metavar="PX2", help="Leave out smaller annotations, square pixels."),
    ] = None,
    crowds: Annotated[
        str | None, typer.Option(metavar="WHAT", help="Crowds of COCO: keep (default) or drop.")
    ] = None,
    empty: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(metavar="WHAT", help="Images without annotations: keep (default) or drop."),
    ] = None,
    images: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(metavar="HOW", help="copy (default), hardlink, symlink or leave (in their places)."),
    ] = None,
    resize: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(metavar="PX", help="Longer side of the exported images; 0: unchanged."),
    ] = None,
    tile: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(metavar="PX", help="Cut images into tiles of this size; 0: do not."),
    ] = None,
    overlap: Annotated[
        float | None, typer.Option(metavar="SHARE", help="Of neighbouring tiles, 0 to 0.9.")
    ] = None,
    min_share: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(metavar="SHARE", help="Share of its area that a tile must hold of an annotation."),
    ] = None,
    splits: Annotated[
        Optional[bool],  # noqa: UP045
        typer.Option("--splits/--no-splits", help="Keep training, validation and test images apart."),
    ] = None,
    train_size: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(metavar="PX", help="Image size you will train with (default: the dataset's, 640)."),
    ] = None,
    option: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(metavar="ID=VALUE", help="Option of the format; repeat it."),
    ] = None,
    processes: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(min=0, max=64, help="Processes that encode (default: as many as there are cores)."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON, for programs.")] = False,
) -> None:
    """Write a dataset in another format, with a report on what each annotation has become."""
    from samdesk.exchange.exporting.plan import ExportPlan
    from samdesk.exchange.exporting.presets import preset, save_preset

    given: dict[str, Any] = {
        "format_id": format_id, "scope": scope, "search": search, "states": states, "min_area": min_area,
        "crowds": crowds, "empty": empty, "images": images, "resize": resize, "tile": tile,
        "overlap": overlap, "min_share": min_share, "splits": splits, "train_size": train_size,
    }  # fmt: skip
    if search is not None:
        given["scope"] = "search"
    if option:
        given["options"] = tuple(_pair(text, "--option") for text in option)
    with ends_in_words("export"):
        begun = preset(preset_name) if preset_name else ExportPlan()
        plan = replace(begun, **{name: value for name, value in given.items() if value is not None})
        if label:
            plan = replace(plan, labels=_choices(label, renamed=False))
        if rename:
            plan = replace(plan, renamed=_choices(rename, renamed=True))
        if label and rename:
            raise wrong_usage("export", "--label and --rename do not go together: write --label NAME=NEW")
        plan.check()
        if save_as:
            save_preset(save_as, plan)
        report = _run(dataset, plan, out, overwrite=overwrite, processes=processes, quiet=as_json)
    if report is None:
        echo("Cancelled. Nothing of the export is left.", err=True)
        raise typer.Exit(STOPPED)
    _print(report, as_json=as_json)
    raise typer.Exit(FAILED if report.failed_count else DONE)


def _run(
    dataset: Path, plan: ExportPlan, out: Path, *, overwrite: bool, processes: int | None, quiet: bool
) -> ExportReport | None:
    """Exports; None: it was cancelled."""
    from samdesk.base.jobs import Cancelled, CancelToken
    from samdesk.base.rate import Rate
    from samdesk.dataset.dataset import Dataset
    from samdesk.exchange.access import DirectAccess
    from samdesk.exchange.exporting.run import export as run

    cancel, rate = CancelToken(), Rate(min_interval=0.5)
    opened = Dataset.open(dataset.expanduser().absolute())
    try:
        with progress_output() as output, stop_on_ctrl_c(cancel, "Cancelling"):

            def progress(done: int, total: int) -> None:
                rate.step(done)
                if not quiet and isinstance(output, BarOutput):
                    output.step(done, total, "", speed(rate.per_second, rate.seconds(total - done)))

            return run(
                DirectAccess(opened), plan, out,
                overwrite=overwrite, processes=processes, progress=progress, cancel=cancel,
            )  # fmt: skip
    except Cancelled:
        return None
    finally:
        opened.close()


def _print(report: ExportReport, *, as_json: bool) -> None:
    if as_json:
        echo(json.dumps(report.to_json(), indent=1))
        return
    shown = replace(report, worst=report.worst[:_WORST_SHOWN])
    echo(shown.text.rstrip("\n"))
    echo(f"\nWritten to {report.folder}")


def _pair(text: str, option: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip() or not value.strip():
        raise wrong_usage("export", f"{option} {text!r}: write NAME=VALUE")
    return name.strip(), value.strip()


def _choices(texts: Sequence[str], *, renamed: bool) -> tuple[LabelChoice, ...]:
    from samdesk.exchange.exporting.plan import LabelChoice

    found = []
    for text in texts:
        if renamed or "=" in text:
            found.append(LabelChoice(*_pair(text, "--rename" if renamed else "--label")))
        else:
            found.append(LabelChoice(text.strip(), text.strip()))
    return tuple(found)
