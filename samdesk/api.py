"""The public functions: loading models, ``auto_annotate``, ``import_annotations`` and ``export_dataset``."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, SupportsIndex

from samdesk.base.jobs import CancelToken, Progress
from samdesk.batch.models import Fallback, Loaders
from samdesk.batch.pipeline import AutoAnnotateJob, ignore
from samdesk.batch.plan import AutoAnnotatePlan, Existing, ObjectsFrom
from samdesk.batch.report import BatchSummary, NoticeLog, ProgressReport
from samdesk.batch.targets.place import place_of
from samdesk.dataset.dataset import Dataset
from samdesk.engine.models import load
from samdesk.engine.protocols import Detector, Predictor
from samdesk.exchange.access import DirectAccess
from samdesk.exchange.exporting.plan import ExportPlan, LabelChoice
from samdesk.exchange.exporting.report import ExportReport
from samdesk.exchange.exporting.run import export, ignore_progress
from samdesk.exchange.importing.plan import ImportPlan
from samdesk.exchange.importing.report import ImportReport
from samdesk.exchange.importing.session import dataset_to_change, import_into
from samdesk.images.sources import find_images


def load_predictor(
    name_or_path: str | Path, device: str = "", precision: str = "auto", *, trust: bool = False
) -> Predictor:
    """Loads a promptable segmenter; weights that are not on disk are downloaded.

    Args:
        name_or_path: "sam_b.pt", "mobile_sam.pt", "sam2.1_t.pt" and so on; "flint", which needs no download;
            the path of a checkpoint file of any name; or a plug-in's name. Text without a separator is a
            name, which is looked up in the weights folders, not in the current one: a file there is
            "./best.pt" or a ``Path``.
        device: "cuda:0", "0", "mps", "cpu"; "" is the fastest.
        precision: "auto", "fp32", "fp16" or "bf16".
        trust: A checkpoint is a pickle, which can hold code. It is read without running any; one that cannot
            be read so is refused, unless this is True (remembered for its content). Its code can do whatever
            you can do: only for files whose maker you trust.

    Raises:
        EngineError: No such model, no weights, a damaged or unknown checkpoint, one with code, or no such
            device.
    """
    return load.load_predictor(_named(name_or_path), device, precision, fetch=True, trust=trust)


def load_detector(
    name_or_path: str | Path, device: str = "", precision: str = "auto", *, trust: bool = False
) -> Detector:
    """Loads a YOLO detector, Flint's ("flint") or a plug-in's; arguments as for ``load_predictor``."""
    return load.load_detector(_named(name_or_path), device, precision, fetch=True, trust=trust)


def _named(model: str | Path) -> str:
    """A model's name, or its path with a separator: a ``Path`` is never a name."""
    return str(model.expanduser().absolute()) if isinstance(model, Path) else model


def auto_annotate(  # noqa: PLR0913 - the arguments of the Ultralytics function of this name
    data: str | Path,
    det_model: str | Path = AutoAnnotatePlan.det_model,
    sam_model: str | Path = AutoAnnotatePlan.sam_model,
    device: str = AutoAnnotatePlan.device,
    output_dir: str | Path | None = None,
    conf: float = AutoAnnotatePlan.conf,
    iou: float = AutoAnnotatePlan.iou,
    imgsz: int = AutoAnnotatePlan.imgsz,
    max_det: int = AutoAnnotatePlan.max_det,
    classes: int | str | Sequence[int | str] | None = None,
    *,
    existing: Existing = AutoAnnotatePlan.existing,
    objects_from: ObjectsFrom = AutoAnnotatePlan.objects_from,
    class_conf: Sequence[tuple[str, float]] = AutoAnnotatePlan.class_conf,
    tile: int = AutoAnnotatePlan.tile,
    duplicate_iou: float = AutoAnnotatePlan.duplicate_iou,
    progress: ProgressReport | None = None,
    cancel: CancelToken | None = None,
    notice: Callable[[str], None] | None = None,
    det_or_default: bool | None = None,
    sam_or_default: bool | None = None,
    precision: str = AutoAnnotatePlan.precision,
    trust: bool = False,
    loaders: Loaders | None = None,
) -> BatchSummary:
    """Annotates images: a detector finds the objects, SAM draws a mask in every box.

    The arguments and their defaults are those of ``ultralytics.data.annotator.auto_annotate``, with the
    same meaning. Unlike there, a mask keeps the class of its own box whatever its score, there is one
    annotation for each detection, and an image with no detection gets an empty label file.

    Labels are YOLO segmentation lines, ``class x y x y ...``, one file per image, with the class ids of the
    detector. They go to ``output_dir``, by default to a ``labels`` folder in the same directory as ``data``
    (as documented for the Ultralytics function; its newer versions take ``DATA_auto_annotate_labels``). The
    class names are written beside them: in
    ``classes.txt`` or, where the folder is the one in which the trainer looks for the labels of these images,
    in its ``data.yaml``. Where one of these files names classes already, its class ids are used and missing
    classes are added to it, so that an id never stands for two classes. A label file that belongs to an image
    of another folder (``b/1.jpg`` after ``a/1.jpg``) is left alone, and the image is among the failures.

    If ``data`` is part of a samdesk dataset (a folder with a store, wherever the store is) and no
    ``output_dir`` is given, the run goes into the dataset instead: images edited by hand are never changed,
    classes become the dataset's labels by name, and one undo in the window reverts the run.

    Args:
        data: A folder of images, an image, or a pattern such as ``"photos/*.jpg"``.
        det_model: YOLO detection (or segmentation) model: name or path, as for ``load_predictor``; "flint"
            needs no download. A name is not looked up in the current folder: write "./best.pt".
        sam_model: SAM, MobileSAM or SAM 2 model: likewise.
        device: "cuda:0", "0", "mps", "cpu"; "" is the fastest.
        output_dir: Where label files go; None: see above.
        conf: Minimum confidence, 0..1.
        iou: IoU threshold of non-maximum suppression, 0..1.
        imgsz: Size that images are resized to for detection, pixels.
        max_det: Maximum detections per image.
        classes: Ids or names of the detector's classes to use, one or several; None: all.
        existing: Images that have labels are skipped ("skip": a run that was stopped continues where it
            stopped), new objects are added without duplicates ("add"), or labels of an earlier run that
            were not changed since are replaced ("replace").
        objects_from: Where objects come from: the detector's boxes ("detector"), a segmentation model with
            masks of its own ("segmenter"), or the boxes that the images are annotated with ("boxes").
        class_conf: Pairs (detector class name, minimum confidence), for classes with another than ``conf``.
        tile: Size of overlapping tiles in which objects are looked for too, pixels; 0: whole images only.
        duplicate_iou: IoU of two masks of different classes above which only the more confident object is
            kept; 0: both are.
        progress: Called with a ``BatchProgress`` after every image.
        cancel: Stops the run between two images; finished images are kept.
        notice: Called at once with messages for the user (another model than requested, ...).
        det_or_default: Use the best installed detector if ``det_model`` is unavailable. None: only if
            ``det_model`` is left at its default.
        sam_or_default: The same for ``sam_model``.
        precision: "auto", "fp32", "fp16" or "bf16".
        trust: Let model files run code that they hold; see ``load_predictor``.
        loaders: Load the models; None: by name or path.

    Returns:
        The result, with failures by image. Nothing is raised for single images.

    Raises:
        EngineError: A model is unavailable; the message says which and what to do.
        ValueError: An argument is out of range, or there are no images.
        StoreError: The dataset is in use or cannot be written.
    """
    class_ids, class_names = _split_classes(classes)
    plan = AutoAnnotatePlan(
        det_model=_named(det_model),
        sam_model=_named(sam_model),
        device=device,
        precision=precision,
        conf=conf,
        iou=iou,
        imgsz=imgsz,
        max_det=max_det,
        classes=class_ids,
        class_names=class_names,
        existing=existing,
        objects_from=objects_from,
        class_conf=tuple(class_conf),
        tile=tile,
        duplicate_iou=duplicate_iou,
    )
    fallback = Fallback(
        detector=str(det_model) == AutoAnnotatePlan.det_model if det_or_default is None else det_or_default,
        predictor=str(sam_model) == AutoAnnotatePlan.sam_model if sam_or_default is None else sam_or_default,
    )
    notices = NoticeLog(notice)
    cancel = cancel or CancelToken()
    job = AutoAnnotateJob(
        plan,
        loaders or Loaders.real(notices, cancel, trust=trust),
        fallback,
        notices,
        progress or ignore,
        cancel=cancel,
    )
    images = find_images(data)
    beside = Path(os.path.abspath(data)).parent / "labels"  # noqa: PTH100 - resolve() would follow links
    place = place_of(images, None if output_dir is None else Path(output_dir), beside)
    return notices.added_to(place.annotate(job))


def import_annotations(
    dataset: str | Path,
    files: str | Path | Sequence[str | Path],
    format: str = "",  # noqa: A002 - the word of the command line
    *,
    dry_run: bool = False,
    **plan: Any,
) -> ImportReport:
    """Imports annotations in another format, as one run that one undo reverts.

    Args:
        dataset: The folder of images.
        files: Files, or folders of files.
        format: Id of the format, as ``samdesk formats`` lists them; "": it is recognised.
        dry_run: Only count what would be imported.
        **plan: The fields of ``samdesk.exchange.importing.plan.ImportPlan``: ``classes`` (the label of each
            class, None leaves it out), ``review``, ``splits``, ``coordinates``, ``copy_images``.

    Returns:
        The report: what was imported, converted and left out, and every record that was not read.

    Raises:
        ImportRefusedError: Nothing can be imported, or not as asked.
        StoreError: It could not be saved, or the dataset is open elsewhere.
    """
    given = [files] if isinstance(files, str | Path) else files
    paths = [Path(path).expanduser() for path in given]
    with dataset_to_change(Path(dataset)) as opened:
        return import_into(opened, paths, ImportPlan(**plan), format_id=format, dry_run=dry_run)


def export_dataset(  # noqa: PLR0913 - what is exported, and how it is watched
    dataset: str | Path,
    format: str,  # noqa: A002 - the word of the command line
    out: str | Path,
    *,
    overwrite: bool = False,
    labels: Mapping[str, str] | Sequence[str] = (),
    options: Mapping[str, str] | None = None,
    processes: int | None = None,
    progress: Progress | None = None,
    cancel: CancelToken | None = None,
    **plan: Any,
) -> ExportReport:
    """Exports a dataset: images with their annotations in another format, and a report on each annotation.

    The folder appears when it is whole; what ends the export leaves nothing of it. The report is in the
    folder, too: ``export-report.json``, ``export-report.txt``, and every annotation in
    ``export-instances.csv``.

    Args:
        dataset: The folder of images.
        format: Id of the format, as ``samdesk formats`` lists them ("yolo-seg", "coco").
        out: The new folder.
        overwrite: Replace an earlier export that is there.
        labels: Only these labels, in the order of their ids in the export; a mapping gives them other names,
            and merges those with the same. Empty: all, as they are.
        options: Values of options of the format.
        processes: How many encode images; 0: this one does, None: as many as there are cores.
        progress: Called with the number of images that are done, and of all.
        cancel: Cancels the export.
        **plan: The other fields of ``samdesk.exchange.exporting.plan.ExportPlan``: ``scope``, ``search``,
            ``keys``, ``states``, ``min_area``, ``crowds``, ``empty``, ``images``, ``resize``, ``tile``,
            ``overlap``, ``min_share``, ``splits``, ``train_size``.

    Returns:
        The report.

    Raises:
        ExportError: It cannot be made as asked, or the disk ended it.
        StoreError: The dataset cannot be read.
        Cancelled: It was cancelled.
    """
    names = labels.items() if isinstance(labels, Mapping) else ((name, name) for name in labels)
    wanted = ExportPlan(
        format_id=format,
        labels=tuple(LabelChoice(name, target) for name, target in names),
        options=tuple((options or {}).items()),
        **plan,
    )
    opened = Dataset.open(Path(dataset).expanduser().absolute())
    try:
        return export(
            DirectAccess(opened), wanted, Path(out), overwrite=overwrite, processes=processes,
            progress=progress or ignore_progress, cancel=cancel,
        )  # fmt: skip
    finally:
        opened.close()


def _split_classes(
    classes: int | str | Sequence[int | str] | None,
) -> tuple[tuple[int, ...] | None, tuple[str, ...]]:
    """Splits classes into ids and names."""
    if classes is None:
        return None, ()
    given = [classes] if isinstance(classes, int | str) or not isinstance(classes, Iterable) else classes
    ids, names = [], []
    for value in given:
        if isinstance(value, str):
            names.append(value.strip())
        elif isinstance(value, SupportsIndex) and not isinstance(value, bool):
            ids.append(value.__index__())
        else:
            raise ValueError(f"classes must be ids or names of classes, not {value!r}")
    return (tuple(ids) if ids or not names else None), tuple(names)
