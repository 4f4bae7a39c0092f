"""Which annotations a label file that another program has changed still says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

from samdesk.dataset.labels.files import ImportedDocument, LabelFiles, digest
from samdesk.dataset.labels.lines import KEY_BYTES, line_keys
from samdesk.dataset.store.serial import region_to_bytes
from samdesk.domain.annotation import Annotation
from samdesk.domain.document import ImageDocument
from samdesk.domain.labels import LabelId, LabelSet

_What = tuple[LabelId, bytes]
"""What a line says: the label and the region."""


def keep_unchanged(files: LabelFiles, found: ImportedDocument, now: ImageDocument) -> ImportedDocument:
    """Returns an imported document in which lines of unchanged annotations stand for those annotations.

    They keep what a label file cannot hold: scores, prompts, and whether they have been reviewed.

    Args:
        files: The label files.
        found: What the changed file holds.
        now: The annotations of the image.
    """
    known: dict[_What, list[Annotation]] = defaultdict(list)
    text = (found.file.imported or b"").decode("utf-8", errors="replace")
    sizes = files.format.train_sizes(text, now.width, now.height)
    for size in (files.train_size, *sorted(sizes - {files.train_size})):
        for what, annotation in _lines_of(files, now, found.labels, size):
            if annotation not in known[what]:
                known[what].append(annotation)
    taken: set[str] = set()
    annotations = []
    for new in found.document.annotations:
        same = next((a for a in known.get(_what(new), ()) if a.id not in taken), new)
        taken.add(same.id)
        annotations.append(same)
    document = replace(found.document, annotations=tuple(annotations))
    keys = dict(zip(line_keys(found.document.annotations), line_keys(annotations), strict=True))
    lines = found.file.imported_lines or b""
    each = (lines[i : i + KEY_BYTES] for i in range(0, len(lines), KEY_BYTES))
    file = replace(
        found.file,
        digest=digest(document, found.labels),
        imported_lines=b"".join(keys.get(key, key) for key in each),
    )
    return replace(found, document=document, file=file)


def _lines_of(
    files: LabelFiles, now: ImageDocument, labels: LabelSet, train_size: int
) -> Iterator[tuple[_What, Annotation]]:
    """What the lines of annotations say: as they were read, and as samdesk writes them."""
    for annotation in now.annotations:
        yield _what(annotation), annotation
    if any(annotation.label_id not in labels for annotation in now.annotations):
        return
    text, report = files.format.write(now, labels, {}, files.keypoint_values, train_size)
    written = files.parse(now.key, (now.width, now.height), text.encode(), labels).document.annotations
    if len(written) == len(report.annotations):
        for line, annotation in zip(written, report.annotations, strict=True):
            yield _what(line), annotation


def _what(annotation: Annotation) -> _What:
    return annotation.label_id, region_to_bytes(annotation.region)
