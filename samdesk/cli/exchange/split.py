"""``samdesk split DATASET``: divides the images of a dataset into training, validation and test images.

Exit codes: 0 done, 1 a file of another program stands in the way, 2 wrong usage, or nothing could be saved,
130 stopped: nothing was changed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from samdesk.base.text import counted
from samdesk.cli.exit_codes import FAILED, STOPPED, ends_in_words
from samdesk.cli.interrupt import stop_on_ctrl_c
from samdesk.cli.output import echo
from samdesk.cli.progress import progress_output

if TYPE_CHECKING:
    from samdesk.dataset.dataset import Dataset
    from samdesk.domain.split import Split
    from samdesk.exchange.splits.splitting import SplitOptions, SplitPlan

_SHOWN = 20
"""Classes, and groups that straddle, that are printed."""


def split(  # noqa: PLR0913 - the options of the command
    dataset: Annotated[Path, typer.Argument(help="Folder of the dataset.")],
    ratios: Annotated[
        str, typer.Option(metavar="T,V[,TEST]", help="Shares of training, validation and test images.")
    ] = "80,20",
    seed: Annotated[int, typer.Option(help="Another seed gives another split.")] = 0,
    group: Annotated[
        str,
        typer.Option(
            metavar="BY",
            help="Images that stay together: none, folder, prefix (same name before the last _).",
        ),
    ] = "none",
    pattern: Annotated[
        str,
        typer.Option(
            metavar="REGEX",
            help="Images whose paths match with the same first group, or the same match, stay together.",
        ),
    ] = "",
    near_duplicates: Annotated[
        bool,
        typer.Option(
            "--near-duplicates/--no-near-duplicates",
            help="Keep together images that differ only in size, compression, brightness or a small crop.",
        ),
    ] = True,
    again: Annotated[
        bool, typer.Option("--again", help="Divide all images anew, not only those in no split.")
    ] = False,
    by_folder: Annotated[
        bool,
        typer.Option("--folders/--no-folders", help="Respect folders named train, val and test."),
    ] = True,
    train_list: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--train", metavar="FILE", help="File with the names of the training images."),
    ] = None,
    val_list: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--val", metavar="FILE", help="As --train, for validation."),
    ] = None,
    test_list: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--test", metavar="FILE", help="As --train, for testing."),
    ] = None,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace",
            help="Replace lists, or splits in data.yaml, of other programs; copies are kept.",
        ),
    ] = False,
    clear: Annotated[bool, typer.Option("--clear", help="Take all images out of their splits.")] = False,
    labels_hold: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(metavar="WHAT", help="What label files hold from now on: all, not-rejected, accepted."),
    ] = None,
    lists_hold: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(metavar="WHAT", help="Images in train.txt, val.txt, test.txt: all, or only those done."),
    ] = None,
    train_size: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(metavar="PX", help="Longer side of the images in training (640 at first)."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the result and change nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Divide a dataset into training, validation and test images; nothing moves.

    Images already in a split stay there. The splits are written to train.txt, val.txt and test.txt, which
    data.yaml names.
    """
    from samdesk.base.jobs import Cancelled
    from samdesk.dataset.dataset import Dataset
    from samdesk.exchange.access import check_writable

    lists: dict[Split, Path | None] = {"train": train_list, "val": val_list, "test": test_list}
    with ends_in_words("split"):
        opened = Dataset.open(dataset.expanduser())
        try:
            if not dry_run:
                check_writable(opened)
            set_up = _set_up(opened, labels_hold, lists_hold, train_size, dry_run=dry_run)
            if clear:
                result = _clear(opened, dry_run=dry_run)
            elif set_up and not opened.core.rows.splits.all() and not any(lists.values()) and not again:
                result = {"settings": True, "text": ""}
            else:
                options = _options(
                    opened, lists, ratios=ratios, seed=seed, group_by="pattern" if pattern else group,
                    pattern=pattern, near_duplicates=near_duplicates, keep=not again, by_folder=by_folder,
                )  # fmt: skip
                result = _split(opened, options, dry_run=dry_run, quiet=as_json)
            if replace and opened.lists.foreign and not dry_run:
                opened.lists.replace_foreign()
            blocked = [str(path) for path in opened.lists.foreign]
        except Cancelled:
            echo("Stopped. Nothing was changed.", err=True)
            raise typer.Exit(STOPPED) from None
        finally:
            opened.close()
    result |= {"changed": not dry_run and result.get("changed", 0), "in_the_way": blocked, "settings": set_up}
    if as_json:
        echo(json.dumps(result, indent=1, ensure_ascii=False))
    else:
        _print(result, dry_run=dry_run)
    if blocked:
        echo(
            f"samdesk split: {', '.join(blocked)}: written by another program, so left alone. "
            "Run it again with --replace; a copy is kept.",
            err=True,
        )
        raise typer.Exit(FAILED)


def _set_up(
    dataset: Dataset,
    labels_hold: str | None,
    lists_hold: str | None,
    train_size: int | None,
    *,
    dry_run: bool,
) -> dict[str, Any]:
    """Sets what was given of the dataset's settings, and returns all."""
    from dataclasses import asdict, replace

    from samdesk.dataset.trainer.settings import (
        LABEL_FILES_HOLD,
        LISTS_HOLD,
        TRAIN_SIZES,
        change_training,
        training_settings,
    )

    wanted = training_settings(dataset.settings_get)
    if labels_hold is not None:
        wanted = replace(wanted, label_files_hold=_one_of(labels_hold, LABEL_FILES_HOLD, "--labels-hold"))
    if lists_hold is not None:
        wanted = replace(wanted, lists_hold=_one_of(lists_hold, LISTS_HOLD, "--lists-hold"))
    if train_size is not None:
        if not TRAIN_SIZES[0] <= train_size <= TRAIN_SIZES[1]:
            raise ValueError(f"--train-size is from {TRAIN_SIZES[0]} to {TRAIN_SIZES[1]} pixels.")
        wanted = replace(wanted, train_size=train_size)
    given = any(value is not None for value in (labels_hold, lists_hold, train_size))
    if given and not dry_run:
        change_training(dataset, wanted)
    return asdict(wanted) if given else {}


def _one_of(value: str, values: tuple[Any, ...], option: str) -> Any:
    if value not in values:
        raise ValueError(f"{option} is one of {', '.join(values)}, not {value!r}.")
    return value


def _options(dataset: Dataset, lists: dict[Split, Path | None], *, ratios: str, **given: Any) -> SplitOptions:
    from samdesk.exchange.splits.fixed import read_lists
    from samdesk.exchange.splits.grouping import GROUPINGS
    from samdesk.exchange.splits.splitting import SplitOptions

    _one_of(given["group_by"], tuple(GROUPINGS), "--group")
    files = {split: path for split, path in lists.items() if path is not None}
    fixed, unknown = read_lists(files, dataset.folder, dataset.keys)
    if unknown:
        echo(
            f"samdesk split: {counted(len(unknown), 'line')} of the lists name no image of the dataset "
            f"({', '.join(unknown[:3])}{', ...' if len(unknown) > 3 else ''})",
            err=True,
        )
    return SplitOptions(ratios=parsed_ratios(ratios), fixed=fixed, **given)


def parsed_ratios(text: str) -> dict[Split, float]:
    """Returns the shares in a text like "80,10,10". Raises ``ValueError``."""
    from samdesk.domain.split import SPLITS

    try:
        shares = [float(part) for part in text.replace("/", ",").split(",")]
    except ValueError:
        shares = []
    if (
        not 2 <= len(shares) <= len(SPLITS)
        or not all(0 <= share < 1e9 for share in shares)
        or not sum(shares)
    ):
        raise ValueError(f"--ratios are two or three numbers like 80,10,10, not {text!r}.")
    return dict(zip(SPLITS, shares, strict=False))


def _split(dataset: Dataset, options: SplitOptions, *, dry_run: bool, quiet: bool) -> dict[str, Any]:
    from samdesk.base.jobs import CancelToken
    from samdesk.exchange.access import DirectAccess
    from samdesk.exchange.splits.splitting import assign_plan, plan_split

    token = CancelToken()
    with progress_output() as output, stop_on_ctrl_c(token, "Stopping"):

        def step(done: int, total: int) -> None:
            if not quiet:
                output.step(done, total, "", "compared")

        plan = plan_split(DirectAccess(dataset), dataset.folder, options, step, token)
    if not dry_run:
        assign_plan(dataset, plan)
    return _as_json(plan)


def _as_json(plan: SplitPlan) -> dict[str, Any]:
    return {
        "text": plan.text,
        "changed": len(plan.changes),
        "groups": plan.groups,
        "near_duplicates": plan.alike,
        "straddling": [list(group) for group in plan.straddling],
        "classes": [
            {"name": row.name, "images": dict(row.images), "instances": dict(row.instances)}
            for row in plan.table()
        ],
    }


def _clear(dataset: Dataset, *, dry_run: bool) -> dict[str, Any]:
    from functools import partial

    from samdesk.dataset import plans, queries

    there = queries.splits(dataset)
    if there and not dry_run:
        dataset.commit_planned(partial(plans.assign_splits, splits=dict.fromkeys(there)))
    return {"text": f"{counted(len(there), 'image')} taken out of splits", "changed": len(there)}


def _print(result: dict[str, Any], *, dry_run: bool) -> None:
    from samdesk.domain.split import SPLITS

    if result["settings"]:
        held = result["settings"]
        echo(
            f"Label files hold: {held['label_files_hold']}. Lists hold: {held['lists_hold']}. "
            f"Training size: {held['train_size']} px."
        )
    if not result.get("text"):
        return
    echo(f"{result['text']}{' (nothing was changed)' if dry_run or not result['changed'] else ''}")
    rows = result.get("classes", [])
    if rows:
        echo(f"{'':24}" + "".join(f"{split:>18}" for split in SPLITS))
    for row in rows[: _SHOWN + 1]:
        cells = (f"{row['images'].get(s, 0):,} / {row['instances'].get(s, 0):,}" for s in SPLITS)
        echo(f"{(row['name'] or 'images / annotations')[:24]:24}" + "".join(f"{cell:>18}" for cell in cells))
    if len(rows) > _SHOWN + 1:
        echo(f"and {counted(len(rows) - _SHOWN - 1, 'more class', 'more classes')}")
    if result.get("near_duplicates"):
        echo(f"{counted(result['near_duplicates'], 'image')} in groups of near-duplicates stay together.")
    for group in result.get("straddling", [])[:_SHOWN]:
        echo(f"In more than one split already: {', '.join(group[:4])}")
