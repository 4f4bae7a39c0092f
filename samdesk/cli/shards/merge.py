"""``samdesk merge OUT DATASET``: the results of a run in shards into a dataset.

Exit codes: 0 all done, 1 some images failed or are not done yet, 2 wrong usage, 130 stopped (Ctrl+C).
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from samdesk.base.jobs import CancelToken
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.cli.annotate_output import exit_code, print_progress, print_summary
from samdesk.cli.exit_codes import FAILED, ends_in_words
from samdesk.cli.interrupt import stop_on_ctrl_c
from samdesk.cli.progress import progress_output


def merge(
    out: Annotated[str, typer.Argument(help="Results: the --out of 'samdesk annotate'.")],
    dataset: Annotated[Path, typer.Argument(help="Folder of the images that were annotated.")],
    existing: Annotated[
        Literal["skip", "add", "replace"],
        typer.Option(help="Images that have labels: skip them, add objects, or replace an earlier run's."),
    ] = AutoAnnotatePlan.existing,
) -> None:
    """Bring the results of a run in shards into a dataset.

    In a dataset with a store they are one run, which can be undone and reviewed; elsewhere they become label
    files. Images you have edited are never changed. What is not done yet can be merged later.
    """
    from samdesk.batch.models import Loaders
    from samdesk.batch.pipeline import AutoAnnotateJob
    from samdesk.batch.report import NoticeLog
    from samdesk.batch.shards.merge import merge as merge_results
    from samdesk.batch.shards.merge import open_results

    cancel = CancelToken()
    with (
        ends_in_words("merge"),
        stop_on_ctrl_c(cancel, "Stopping after this image"),
        progress_output() as output,
    ):
        notices = NoticeLog(output.warning)
        job = AutoAnnotateJob(
            AutoAnnotatePlan(existing=existing),
            Loaders.real(notices, cancel),
            notice=notices,
            progress=partial(print_progress, output),
            cancel=cancel,
        )
        results = open_results(out)
        summary = merge_results(results, dataset.expanduser(), job)
    print_summary(summary)
    raise typer.Exit(exit_code(summary) or (FAILED if results.missing else 0))
