"""Label Studio's JSON and JSON-MIN: one file, a list of tasks.

Source: "Label Studio JSON format of annotated tasks", "Export annotations" (labelstud.io/guide), the
converter of label-studio-sdk 2.1. Coordinates are percents of ``original_width`` and ``original_height``. A
rectangle is turned clockwise around its first corner, an ellipse around its centre; ``radiusX`` is in
percents of the width, ``radiusY`` of the height. A brush mask is the alpha channel of an RGBA image
(``brush_rle``).

Of several annotations of a task the ground truth is read, else the newest; predictions are read if nobody has
annotated the task. Those of ``PENDING_MODEL``, which samdesk writes for pending annotations, are always read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import quoteattr

import numpy as np
import shapely

from samdesk.base import json_file
from samdesk.base.errors import reason
from samdesk.base.json_file import JsonError
from samdesk.domain.annotation import Attributes
from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import Region
from samdesk.domain.review import AnnotationReview
from samdesk.formats.base import (
    EncodedImage,
    Format,
    FormatOption,
    ImageRecord,
    InstanceRecord,
    Loss,
    ReadableFiles,
    ReadItem,
    ReadProblem,
    Shape,
    WritableFolder,
    WriteContext,
    Writer,
)
from samdesk.formats.json_formats import document, forms
from samdesk.formats.json_formats.document import Object, RecordError
from samdesk.formats.json_formats.forms import Kept
from samdesk.formats.reading import json_stream
from samdesk.formats.shapes import brush_rle, convert, masks
from samdesk.formats.shapes.convert import Points, ShapeError

PENDING_MODEL = "samdesk: pending"
"""``model_version`` of the predictions that hold pending annotations."""
FILE, CONFIG_FILE, IMAGES = "tasks.json", "labeling_config.xml", "images"

_KINDS = {
    "polygonlabels": "polygon",
    "rectanglelabels": "rectangle",
    "ellipselabels": "ellipse",
    "keypointlabels": "keypoint",
    "brushlabels": "brush",
}
"""Type of a result -> name of its tag in the labeling configuration that is written."""
_HEAD = 64
"""Bytes that tell a list from an object."""
_TASK_KEYS = frozenset({"data", "annotations", "completions", "predictions"})
_PREFIX = re.compile(r"[0-9a-f]{8}-")
_PIXEL_DECIMALS, _DECIMALS = 6, 12
"""Of a pixel and of a percent: so that pixels come out as they went in, whatever the size of the image."""


def read(files: ReadableFiles) -> Iterator[ReadItem]:
    """Reads the files. A task without the size of its image takes that of the image."""
    for name in files.names:
        if not name.lower().endswith(".json"):
            continue
        try:
            for index, task in _tasks(files, name):
                yield from _read_task(files, name, f"tasks[{index}]", task)
        except (OSError, JsonError) as error:
            yield ReadProblem(name, "", f"It cannot be read: {reason(error)}.")
        except RecordError as error:
            yield ReadProblem(name, "", document.sentence(error))


def _tasks(files: ReadableFiles, name: str) -> Iterator[tuple[int, Any]]:
    """The tasks of a file, which is a list of them or a single one, one at a time."""
    with files.open(name) as file:
        head = file.read(_HEAD).lstrip(b"\xef\xbb\xbf \t\r\n")
    if not head.startswith(b"["):
        yield 0, document.load(files, name)
        return
    with files.open(name) as file:
        for element in json_stream.elements(file):
            yield element.index, element.value


def _read_task(files: ReadableFiles, name: str, record: str, task: Any) -> Iterator[ReadItem]:
    try:
        json_file.check(task, any_number=True)
        yield from _task(files, name, record, document.as_object(task))
    except (JsonError, RecordError, ShapeError) as error:
        yield ReadProblem(name, record, document.sentence(error))


def _task(files: ReadableFiles, name: str, record: str, task: Object) -> Iterator[ReadItem]:
    if not _TASK_KEYS & task.keys():
        yield from _small_task(files, name, record, task)
        return
    image = _image_of(document.as_object(task.get("data"), "its data"))
    chosen, more = _chosen(task)
    if more:
        yield ReadProblem(
            name,
            record,
            f"It has {more + 1} annotations, of which one is read: the ground truth or the newest.",
        )
    results = []
    for place, review, score, result in chosen:
        for index, each in enumerate(document.as_list(result, "its result")):
            results.append((f"{record}.{place}.result[{index}]", review, score, each))
    annotated = any(place.startswith("annotations") for place, _, _, _ in chosen)
    yield from _image(files, name, image, results, accepted=annotated)


_Results = list[tuple[str, AnnotationReview, float | None, Any]]


def _small_task(files: ReadableFiles, name: str, record: str, task: Object) -> Iterator[ReadItem]:
    """A task of JSON-MIN: the fields of its data, and a list of values for every tag."""
    results: _Results = []
    for key, value in task.items():
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            continue
        for index, each in enumerate(value):
            kind = next((kind for kind in _KINDS if kind in each), "")
            result = {
                "type": kind,
                "from_name": key,
                "value": each,
                "original_width": each.get("original_width"),
                "original_height": each.get("original_height"),
            }
            results.append((f"{record}.{key}[{index}]", AnnotationReview.ACCEPTED, None, result))
    yield from _image(files, name, _image_of(task), results, accepted=True)


def _chosen(task: Object) -> tuple[list[tuple[str, AnnotationReview, float | None, Any]], int]:
    """The results that are read, as place, review, score and list, and how many annotations are not."""
    found: list[tuple[str, AnnotationReview, float | None, Any]] = []
    annotations = document.as_list(task.get("annotations", task.get("completions")), "its annotations")
    valid = [
        (index, each)
        for index, each in enumerate(annotations)
        if isinstance(each, dict) and not each.get("was_cancelled") and not each.get("skipped")
    ]
    if valid:
        # Times are ISO 8601, so texts are in their order; the last of those without one is the newest.
        index, best = max(
            valid,
            key=lambda e: (e[1].get("ground_truth") is True, document.text(e[1].get("updated_at")), e[0]),
        )
        found.append((f"annotations[{index}]", AnnotationReview.ACCEPTED, None, best.get("result")))
    predictions = document.as_list(task.get("predictions"), "its predictions")
    own = [(i, p) for i, p in enumerate(predictions) if isinstance(p, dict)]
    if valid:
        own = [(i, p) for i, p in own if p.get("model_version") == PENDING_MODEL]
    elif own:
        own = own[-1:]
    for index, each in own:
        score = document.share(each.get("score"))
        found.append((f"predictions[{index}]", AnnotationReview.PENDING, score, each.get("result")))
    return found, max(0, len(valid) - 1)


def _image_of(data: Object) -> str:
    """The path of the image of a task, without what Label Studio adds to it."""
    texts = [value for key, value in data.items() if isinstance(value, str) and key in ("image", "img")]
    texts += [value for value in data.values() if isinstance(value, str) and _is_image(value)]
    if not texts:
        raise RecordError("It does not name its image.")
    return document.image_name(image_path_of(texts[0]))


def _is_image(value: str) -> bool:
    suffix = PurePosixPath(image_path_of(value)).suffix.lower()
    return suffix in {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif"}


def image_path_of(value: str) -> str:
    """The path in an address of an image.

    An uploaded image is ``/data/upload/PROJECT/xxxxxxxx-NAME``, its 8 digits not being part of its name; one
    of a local storage ``/data/local-files/?d=PATH``. Others are paths or addresses of a server.
    """
    try:
        parts = urlsplit(value[: 4 * document.MOST_TEXT])
    except ValueError:
        return value
    found = parse_qs(parts.query).get("d")
    if parts.path.rstrip("/").endswith("/data/local-files") and found:
        return found[0]
    if not parts.scheme and not parts.path.startswith("/data/"):
        return value  # a path, in which "%" and "?" mean nothing
    path = unquote(parts.path)
    pure = PurePosixPath(path)
    is_upload = "/data/upload/" in path or "/upload/" in path
    return _PREFIX.sub("", pure.name, count=1) if is_upload else path.lstrip("/")


def _image(
    files: ReadableFiles, name: str, image: str, results: _Results, *, accepted: bool
) -> Iterator[ReadItem]:
    instances: list[InstanceRecord] = []
    size: tuple[int, int] | None = None
    for record, review, score, each in results:
        try:
            result = document.as_object(each)
            kind = document.text(result.get("type"))
            if kind not in _KINDS:
                if "value" in result and kind in ("polygon", "rectangle", "ellipse", "brush"):
                    raise RecordError("it has no label")
                continue  # choices, texts, relations: nothing of a region
            if size is None:
                width, height = result.get("original_width"), result.get("original_height")
                size = document.size(files, image, width, height)
            instances.append(_instance(result, size, record, review, score))
        except (RecordError, ShapeError) as error:
            yield ReadProblem(name, record, document.sentence(error))
    if size is None:
        size = files.image_size(image)
    if size is None:
        if not instances:
            yield ReadProblem(
                name, results[0][0].split(".")[0] if results else "", f"There is no image {image}."
            )
        return
    yield ImageRecord(
        name=image, width=size[0], height=size[1], instances=tuple(instances), accepted=accepted, file=name
    )


def _instance(
    result: Object, size: tuple[int, int], record: str, review: AnnotationReview, score: float | None
) -> InstanceRecord:
    kind = result["type"]
    value = document.as_object(result.get("value"), "its value")
    names = value.get(kind) or value.get("labels")
    if not isinstance(names, list) or not names:
        raise RecordError("it has no label")
    width, height = size
    region, shape = _region(kind, value, width, height)
    own = document.share(result.get("score"))
    from_name = result.get("from_name")
    attributes: Attributes = ()
    if isinstance(from_name, str) and from_name != _KINDS[kind] and len(from_name) <= 200:
        attributes = (("from_name", from_name),)
    meta = result.get("meta")
    texts = meta.get("text") if isinstance(meta, dict) else None
    return InstanceRecord(
        label=document.label_name(names[0]),
        region=convert.on_image(region, width, height),
        record=record,
        shape=shape,
        score=own if own is not None else score,
        review=review,
        note="\n".join(t for t in texts if isinstance(t, str))
        if isinstance(texts, list)
        else document.text(texts),
        attributes=forms.with_shape(attributes, shape),
    )


def _region(kind: str, value: Object, width: int, height: int) -> tuple[Region, Shape]:
    """The region of a value in percents."""
    scale = np.array([width, height]) / 100.0
    if kind == "brushlabels":
        return masks.from_mask(brush_rle.decoded(value.get("rle"), width, height)), "mask"
    if kind == "polygonlabels":
        points = np.round(convert.point_list(value.get("points")) * scale, _PIXEL_DECIMALS)
        return forms.from_bridged(points), "polygon"
    x, y = (convert.number(value.get(key)) * s for key, s in zip("xy", scale.tolist(), strict=True))
    if kind == "keypointlabels":
        return convert.dots(np.array([[x, y]])), "point"
    if kind == "ellipselabels":
        rx, ry = (convert.number(value.get(key)) for key in ("radiusX", "radiusY"))
        degrees = convert.number(value.get("rotation", 0), "its rotation")
        return convert.ellipse(x, y, rx * scale[0], ry * scale[1], degrees), "ellipse"
    w, h = (convert.number(value.get(key)) for key in ("width", "height"))
    w, h = w * float(scale[0]), h * float(scale[1])
    degrees = convert.number(value.get("rotation", 0), "its rotation")
    if degrees % 360.0 == 0.0:
        return convert.box(*(round(v, _PIXEL_DECIMALS) for v in (x, y, x + w, y + h))), "box"
    ring = convert.turned(np.array([[0.0, 0.0], [w, 0.0], [w, h], [0.0, h]]), degrees) + np.array([x, y])
    return convert.polygon(ring), "rotated box"


@dataclass(frozen=True)
class _Made:
    """A result as it is written."""

    kind: str
    value: dict[str, Any]


def encode(record: ImageRecord, context: WriteContext) -> EncodedImage:
    """The task of one image. Pending annotations are a prediction, the others its annotation."""
    with_brush = context.options.get("holes", "brush") == "brush"
    results: list[dict[str, Any]] = []
    pending: list[dict[str, Any]] = []
    rows = []
    for instance in record.instances:
        made, kept = _made(instance, record, with_brush)
        into = pending if instance.review is AnnotationReview.PENDING else results
        first = len(results) + len(pending) + 1
        into += [_result(each, instance, record, f"r{first + n}") for n, each in enumerate(made)]
        rows.append(forms.written(instance, kept))
    path = record.path or f"{IMAGES}/{record.name}"
    task: dict[str, Any] = {"data": {"image": f"/data/local-files/?d={path.lstrip('/')}"}}
    if results or record.accepted:
        task["annotations"] = [{"result": results}]
    if pending:
        task["predictions"] = [{"model_version": PENDING_MODEL, "result": pending}]
    return EncodedImage(replace(record, instances=()), json_file.to_bytes(task, indent=1), tuple(rows))


def _made(instance: InstanceRecord, record: ImageRecord, with_brush: bool) -> tuple[list[_Made], Kept]:
    region = instance.region
    losses = _losses(instance)
    scale = np.array([100.0 / record.width, 100.0 / record.height])
    simple = forms.simple_shape(instance)
    drawn = None if simple is None else _simple(region, simple, scale)
    if drawn is not None:
        return [drawn], _checked(instance, [drawn], record, losses)
    holes, parts = forms.has_holes(region), len(region.geoms) > 1
    exact = forms.is_mask(instance, record.width, record.height)
    if exact or (with_brush and (holes or parts)):
        mask, x, y = masks.to_mask(region, record.width, record.height)
        if mask.size:
            stream = brush_rle.encoded(mask, x, y, record.width, record.height)
            brush = _Made("brushlabels", {"format": "rle", "rle": stream})
            iou = 1.0 if exact else regions.iou(region, masks.from_mask(mask, x, y))
            return [brush], Kept(iou, losses)
    # Bridges are those of the vertices that are written, so that the same ones come out of what is read.
    rings = forms.bridged_rings(shapely.transform(region, lambda xy: np.round(xy, _PIXEL_DECIMALS)))
    made = [_Made("polygonlabels", {"points": _percents(ring, scale)}) for ring in rings]
    if holes:
        losses = (*losses, Loss("bridged"))
    if parts:
        losses = (*losses, Loss("parts"))
    return made, _checked(instance, made, record, losses)


def _losses(instance: InstanceRecord) -> tuple[Loss, ...]:
    lost = [name for name, _ in instance.attributes if name not in ("from_name", forms.SHAPE)]
    if instance.review in (AnnotationReview.FLAGGED, AnnotationReview.REJECTED):
        lost.append("its review")
    return (Loss("attributes", ", ".join(lost)),) if lost else ()


def _checked(
    instance: InstanceRecord, made: list[_Made], record: ImageRecord, losses: tuple[Loss, ...]
) -> Kept:
    def read_again() -> list[Region]:
        return [_region(each.kind, each.value, record.width, record.height)[0] for each in made]

    return Kept(forms.read_back(instance, read_again), losses)


def _percents(points: Points, scale: Points) -> list[list[float]]:
    placed = np.round(points, _PIXEL_DECIMALS) * scale
    return [[round(x, _DECIMALS), round(y, _DECIMALS)] for x, y in placed.tolist()]


def _simple(region: Region, simple: str, scale: Points) -> _Made | None:
    (sx, sy) = scale.tolist()
    if simple in ("circle", "ellipse"):
        found = forms.axes(region)
        if found is None:
            return None
        x, y, rx, ry = found
        value = {"x": x * sx, "y": y * sy, "radiusX": rx * sx, "radiusY": ry * sy}
        return _Made("ellipselabels", {k: round(v, _DECIMALS) for k, v in value.items()} | {"rotation": 0})
    if simple == "box":
        x0, y0, x1, y1 = (round(v, _PIXEL_DECIMALS) for v in region.bounds)
        value = {"x": x0 * sx, "y": y0 * sy, "width": (x1 - x0) * sx, "height": (y1 - y0) * sy}
        return _Made("rectanglelabels", {k: round(v, _DECIMALS) for k, v in value.items()} | {"rotation": 0})
    corners = forms.corners(region)
    if corners is None:
        return None
    (x, y), across, down = corners[0].tolist(), corners[1] - corners[0], corners[3] - corners[0]
    value = {
        "x": x * sx,
        "y": y * sy,
        "width": float(np.hypot(*across)) * sx,
        "height": float(np.hypot(*down)) * sy,
    }
    degrees = forms.finite_corner(math.atan2(float(across[1]), float(across[0])))
    return _Made("rectanglelabels", {k: round(v, 6) for k, v in value.items()} | {"rotation": degrees})


def _result(made: _Made, instance: InstanceRecord, record: ImageRecord, result_id: str) -> dict[str, Any]:
    name = dict(instance.attributes).get("from_name", _KINDS[made.kind])
    result: dict[str, Any] = {
        "id": result_id,
        "type": made.kind,
        "from_name": name,
        "to_name": "image",
        "original_width": record.width,
        "original_height": record.height,
        "image_rotation": 0,
        "value": made.value | {made.kind: [instance.label]},
    }
    if instance.score is not None:
        result["score"] = instance.score
    if instance.note:
        result["meta"] = {"text": [instance.note]}
    return result


def assemble(encoded: Iterable[EncodedImage], context: WriteContext, folder: WritableFolder) -> None:
    """Writes the tasks, and a labeling configuration for a project that they are imported into."""
    with folder.open(FILE) as file:
        start = b"[\n"
        for image in encoded:
            file.write(start + image.payload.rstrip(b"\n"))
            start = b",\n"
        file.write(b"\n]\n" if start == b",\n" else b"[]\n")
    folder.write(CONFIG_FILE, _config(context).encode("utf-8", "replace"))


def _config(context: WriteContext) -> str:
    colors = [*context.colors, *([""] * len(context.names))]
    labels = "".join(
        f"    <Label value={quoteattr(name)}{f' background={quoteattr(color)}' if color else ''}/>\n"
        for name, color in zip(context.names, colors, strict=False)
    )
    tags = ("PolygonLabels", "RectangleLabels", "EllipseLabels", "KeyPointLabels", "BrushLabels")
    blocks = "".join(
        f'  <{tag} name="{name}" toName="image">\n{labels}  </{tag}>\n'
        for tag, name in zip(tags, _KINDS.values(), strict=True)
    )
    return f'<View>\n  <Image name="image" value="$image"/>\n{blocks}</View>\n'


def image_path(record: ImageRecord) -> str:
    """Images lie in a folder of their own, as a local storage of Label Studio wants them."""
    return f"{IMAGES}/{record.name}"


def recognise(name: str, head: bytes) -> bool:
    """Whether a file has tasks of Label Studio."""
    if not name.lower().endswith(".json"):
        return False
    has_tasks = b'"data"' in head and any(
        key in head for key in (b'"annotations"', b'"completions"', b'"predictions"')
    )
    has_values = any(kind.encode() in head for kind in _KINDS)
    return (has_tasks and (b'"result"' in head or b'"to_name"' in head)) or has_values


FORMAT = Format(
    id="label-studio",
    title="Label Studio",
    scope="dataset",
    suffixes=(".json",),
    recognise=recognise,
    read=read,
    write=Writer(encode, assemble, image_path),
    carries=frozenset({"holes", "parts", "scores", "notes", "review", "accepted"}),
    options=(
        FormatOption(
            "holes",
            "Holes and parts",
            {
                "brush": "Brush masks for annotations with holes or several parts",
                "bridge": "Polygons: holes are joined by bridges, every part is an annotation of its own",
            },
        ),
    ),
    rank=2,
)
