"""``samdesk annotate DATA``: auto-annotate from the shell.

Exit codes: 0 all done, 1 some images failed, 2 wrong usage or no model, 130 stopped (Ctrl+C).
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from samdesk.base.jobs import CancelToken
from samdesk.batch.plan import AutoAnnotatePlan, Existing, ObjectsFrom
from samdesk.cli.annotate_output import exit_code, print_progress, print_summary, write_report
from samdesk.cli.exit_codes import ends_in_words
from samdesk.cli.finding.concepts import Edited, Examples, Find, FindOptions
from samdesk.cli.interrupt import stop_on_ctrl_c
from samdesk.cli.parameters import TRUST_HELP, class_choice, class_confidences, with_parameters
from samdesk.cli.progress import LineOutput, progress_output
from samdesk.cli.shards.annotate import (
    Cluster,
    Out,
    Prepare,
    Shard,
    ShardOptions,
    ShardSize,
    Threads,
    Workers,
    annotate_shards,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from samdesk.batch.report import DryRun
    from samdesk.dataset.runs.record import RunRecord
    from samdesk.engine.protocols import ModelInfo

_WITH_RESUME = frozenset({"data", "resume", "report", "trust"})


@with_parameters
def annotate(  # noqa: PLR0913 - one argument an option
    context: typer.Context,
    data: Annotated[
        list[str], typer.Argument(help="Folder of images, images, or a quoted pattern.", metavar="DATA...")
    ],
    det_model: Annotated[
        str,
        typer.Option(
            help="YOLO model or plug-in: name or path (./best.pt); 'flint' needs no download. If the "
            "default is unavailable, the best installed model is used and named."
        ),
    ] = AutoAnnotatePlan.det_model,
    sam_model: Annotated[
        str,
        typer.Option(
            help="Mask model or plug-in: name or path (./best.pt); 'flint' needs no download. If the "
            "default is unavailable, the best installed model is used and named."
        ),
    ] = AutoAnnotatePlan.sam_model,
    objects_from: Annotated[
        ObjectsFrom,
        typer.Option(
            "--from",
            help="Where objects come from: detector (its boxes, with masks of the mask model), segmenter (a "
            "segmentation model's own masks) or boxes (those the images are annotated with).",
        ),
    ] = AutoAnnotatePlan.objects_from,
    device: Annotated[
        str, typer.Option(help="cuda:0, mps or cpu; by default the fastest.")
    ] = AutoAnnotatePlan.device,
    output_dir: Annotated[
        Path | None,
        typer.Option(
            help="Folder for label files; by default the dataset that DATA is in, else where the trainer "
            "looks: 'labels' beside 'images', or beside each image."
        ),
    ] = None,
    classes: Annotated[
        list[str] | None,
        typer.Option(help="Classes to use: ids or names, such as '0,2' or 'person,dog'; repeatable."),
    ] = None,
    class_conf: Annotated[
        list[str] | None,
        typer.Option(help="Minimum confidence of single classes, such as 'person=0.4,dog=0.6'; repeatable."),
    ] = None,
    existing: Annotated[
        Existing,
        typer.Option(
            help="Images that have labels: skip them, add new objects, or replace an earlier run's."
        ),
    ] = AutoAnnotatePlan.existing,
    search: Annotated[
        str,
        typer.Option(
            help="Only images that a search finds, such as 'class:person score:<0.5', in a samdesk dataset."
        ),
    ] = "",
    precision: Annotated[str, typer.Option(help="auto, fp32, fp16 or bf16.")] = AutoAnnotatePlan.precision,
    report: Annotated[
        Path | None, typer.Option(help="Also write the result, with every image that failed, as JSON.")
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on with the newest run of the dataset that was stopped or interrupted, with its own "
            "parameters.",
        ),
    ] = False,
    trust: Annotated[bool, typer.Option("--trust", help=TRUST_HELP)] = False,
    find: Find = None,
    examples: Examples = None,
    edited: Edited = False,
    out: Out = "",
    cluster: Cluster = "",
    shard: Shard = "",
    shard_size: ShardSize = None,
    workers: Workers = None,
    threads: Threads = None,
    prepare: Prepare = False,
    **parameters: Any,
) -> None:
    """Annotate images: YOLO finds the objects, SAM draws their masks.

    Labels are written image by image; run again, it continues where it stopped. Images you have edited are
    not changed, unless you ask for that (--edited).
    """
    # Here, not above: the window starts through the same command line and needs none of it.
    from samdesk.batch.models import Fallback, Loaders
    from samdesk.batch.pipeline import AutoAnnotateJob
    from samdesk.batch.report import NoticeLog
    from samdesk.batch.run_record import plan_of
    from samdesk.batch.targets.place import place_of_all, resumable

    cancel = CancelToken()
    in_shards = ShardOptions(out, cluster, shard, shard_size, workers, threads, prepare)
    replaceable = (not _is_given(context, "det_model"), not _is_given(context, "sam_model"))
    with ends_in_words("annotate"):
        others = output_dir is not None or report is not None or bool(search)
        in_shards.check(others or _is_given(context, "existing"))
        ids, names = class_choice(classes)
        finding = FindOptions.of(find, examples)
        finding.check(classes, bool(out))
        replaceable = (replaceable[0] and not finding.concepts, replaceable[1])
        plan = AutoAnnotatePlan(
            det_model=finding.detector(det_model, given=_is_given(context, "det_model")),
            sam_model=sam_model,
            objects_from=objects_from,
            device=device,
            precision=precision,
            classes=ids,
            class_names=names,
            class_conf=class_confidences(class_conf),
            existing=existing,
            concepts=finding.concepts,
            edited=edited,
            **parameters,
        )
        if out:
            if len(data) > 1:
                raise ValueError("--out needs one folder of images, or a pattern")
            raise typer.Exit(annotate_shards(data[0], plan, in_shards, replaceable, trust))
        record = None
        if resume:
            _check_alone(context)
            place, found = resumable(data)
            record, plan, replaceable = found.record, plan_of(found.record), (False, False)
        else:
            place = place_of_all(data, output_dir, search)
        with stop_on_ctrl_c(cancel, "Stopping after this image"), progress_output() as output:
            output.message(f"Labels go to {place.text(plan.objects_from)}.")
            notices = NoticeLog(output.warning)
            plan = finding.plan(plan, place, output, notices, cancel)
            job = AutoAnnotateJob(
                plan,
                Loaders.real(notices, cancel, trust=trust),
                Fallback(*replaceable),
                notices,
                progress=partial(print_progress, output),
                counted=partial(_print_count, output),
                loaded=partial(_print_models, output, record),
                cancel=cancel,
            )
            summary = notices.added_to(place.annotate(job))
    print_summary(summary, report)
    if report is not None:
        write_report(summary, report)
    raise typer.Exit(exit_code(summary))


def _is_given(context: typer.Context, option: str) -> bool:
    """Whether the user gave an option on the command line."""
    # By name: typer has a ParameterSource of its own in some versions, click's in others.
    return getattr(context.get_parameter_source(option), "name", "DEFAULT") != "DEFAULT"


def _print_count(output: LineOutput, todo: DryRun) -> None:
    output.message(f"{todo.text}.")


def _check_alone(context: typer.Context) -> None:
    """Raises ``ValueError`` if an option is given that a run which is resumed has already."""
    others = [name for name in context.params if name not in _WITH_RESUME and _is_given(context, name)]
    if others:
        raise ValueError(
            f"--resume takes the run's own parameters: leave out --{others[0].replace('_', '-')}"
        )


def _print_models(output: LineOutput, record: RunRecord | None, models: Sequence[ModelInfo]) -> None:
    from samdesk.batch.run_record import changed_models

    for name in changed_models(record, models) if record else ():
        output.warning(f"{name} has another content than when the run began.")
    output.message(" + ".join(f"{m.title} on {m.device_title} ({m.precision})" for m in models))
