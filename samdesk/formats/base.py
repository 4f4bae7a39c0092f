"""The contract of a format: the records that its reader yields and its writer takes.

A format is a module with a row in ``samdesk.formats.registry``, or in the entry point group
``samdesk.formats`` of another package. Its reader turns files into records; its writer turns records into
files. Records know class names, not labels of a dataset, and lie on the EXIF-rotated image.

A reader opens files only through ``ReadableFiles`` and a writer only through ``WritableFolder``: whatever a
file says, nothing else is read or written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Literal, Protocol, TypeAlias
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from samdesk.domain.annotation import CROWD, Attributes
from samdesk.domain.geometry.types import Region
from samdesk.domain.review import AnnotationReview
from samdesk.domain.split import Split

Shape: TypeAlias = Literal["polygon", "mask", "box", "rotated box", "ellipse", "line", "point", "keypoints"]
"""What an instance was in its file, before it became a region."""

TRACK = "track_id"
"""The attribute that names the object on several images, as in TAO, BURST and the tracks of CVAT."""
_DIGITS = 16
MOST_TRACK = 200
"""Characters of the name of a track."""


@dataclass(frozen=True)
class InstanceRecord:
    """One instance of an image.

    Attributes:
        label: Its class name.
        region: Valid and not empty, with holes and parts, pixels of the EXIF-rotated image.
        record: Where it is in its file, for reports ("annotations[12]", "shapes[3]", "line 4").
        shape: What it was in the file; anything but "polygon" and "mask" has been converted.
        score: Confidence, 0..1.
        review: What is known of its review; None: the format has no word for it.
        note: A text of the user.
        attributes: All else that the format knows of it.
        annotation_id: Of the annotation that is exported; "" when read.
        track: Names the object where it is on several images: the same on each; "": it is on this one only.
    """

    label: str
    region: Region
    record: str = ""
    shape: Shape = "polygon"
    score: float | None = None
    review: AnnotationReview | None = None
    note: str = ""
    attributes: Attributes = ()
    annotation_id: str = ""
    track: str = ""

    @property
    def track_name(self) -> str:
        """Its track; where the format keeps it among the attributes, that."""
        return self.track or str(dict(self.attributes).get(TRACK, ""))[:MOST_TRACK]

    @property
    def written_attributes(self) -> Attributes:
        """Its attributes and its track, for a format that has no place of its own for the track."""
        if not self.track:
            return self.attributes
        return tuple(sorted({**dict(self.attributes), TRACK: self.track}.items()))

    @property
    def is_crowd(self) -> bool:
        """Whether it stands for many objects (COCO's ``iscrowd``)."""
        return dict(self.attributes).get(CROWD) is True


@dataclass(frozen=True)
class ImageRecord:
    """An image with its instances.

    Attributes:
        name: When read: the image as its file names it, with forward slashes, perhaps without folder or
            suffix. When written: its path without the folder that the format puts images in ("a/b.jpg"),
            unique in the export.
        width: Pixels that the coordinates refer to.
        height: As ``width``.
        instances: In painting order, the last on top.
        split: The split it is in; None: unknown.
        accepted: Whether the image is done; None: the format has no word for it.
        file: The file that this record was read from, for reports.
        path: When written: the image relative to the exported folder, or absolute if it is left in place.
        attributes: All else that the format knows of the image.
    """

    name: str
    width: int
    height: int
    instances: tuple[InstanceRecord, ...] = ()
    split: Split | None = None
    accepted: bool | None = None
    file: str = ""
    path: str = ""
    attributes: Attributes = ()


@dataclass(frozen=True)
class DeclaredLabels:
    """The classes that a file lists, used or not, in the order of their ids.

    Attributes:
        names: Class names.
        colors: ``#rrggbb`` of each; empty if the file has none.
        file: The file that lists them.
    """

    names: tuple[str, ...]
    colors: tuple[str, ...] = ()
    file: str = ""


@dataclass(frozen=True)
class ReadProblem:
    """A file, or a record of one, that was not read; the others are.

    Attributes:
        file: The file, relative to the chosen folder.
        record: The record ("annotations[12]"); "": the whole file.
        message: What is wrong with it, for the user.
    """

    file: str
    record: str
    message: str


ReadItem: TypeAlias = ImageRecord | DeclaredLabels | ReadProblem
"""What a reader yields. One image may come in several records."""


@dataclass(frozen=True, eq=False)
class Raster:
    """A label image.

    Attributes:
        values: (H, W) uint8 or uint16 of a grey or indexed image, or (H, W, 3) uint8, RGB.
        palette: (N, 3) uint8, RGB, of an indexed image; None: it is not indexed.
    """

    values: NDArray[np.uint8] | NDArray[np.uint16]
    palette: NDArray[np.uint8] | None = None


class ReadableFiles(Protocol):
    """The files that a reader may open: those the user has chosen, or all in the chosen folder.

    Every method raises ``OSError`` with words for the user in ``strerror`` (``samdesk.base.errors.reason``).
    """

    @property
    def names(self) -> Sequence[str]:
        """The files to read, relative to the chosen folder, with forward slashes, sorted."""

    def read(self, name: str, limit: int = 64 << 20) -> bytes:
        """Returns the content of a file of at most ``limit`` bytes.

        ``name`` may be any file below the chosen folder, also one that is not in ``names``.
        """

    def open(self, name: str) -> AbstractContextManager[BinaryIO]:
        """Opens a file that is too large to be read at once."""

    def raster(self, name: str) -> Raster:
        """Returns the values of a PNG or another lossless image, not rotated, within samdesk's limits."""

    def image_size(self, name: str) -> tuple[int, int] | None:
        """Returns width and height of the EXIF-rotated image with this name, for formats that do not say it.

        The name may lack folder and suffix. None: the dataset has no such image.
        """


class Reader(Protocol):
    """Reads the files of a format."""

    def __call__(self, files: ReadableFiles) -> Iterator[ReadItem]:
        """Yields what the files hold, one image after another, in bounded memory.

        Never raises for what a file holds, nor for one that cannot be read: that is a ``ReadProblem``.
        """


@dataclass(frozen=True)
class Loss:
    """A step that has lost something of one annotation.

    Attributes:
        code: Stable identifier: "bridged" (hole or parts joined to one ring by a bridge), "parts" (one object
            became several), "holes" (filled), "simplified", "clipped", "small" (left out: under the minimum
            area), "crowd" (left out), "box" (only its box is written), "empty" (nothing was left), "cut" (by
            the border of a tile), "label" (left out), "overlap" (hidden by another), "attributes", "track".
        text: What was lost, for the user; "" if the code says all.
    """

    code: str
    text: str = ""


@dataclass(frozen=True)
class WrittenInstance:
    """What has become of one instance.

    Attributes:
        annotation_id: Of its annotation.
        label: Its class name in the export.
        written: Whether it is in the files.
        iou: Of its region and what the consumer of the format makes of what was written, re-rasterised by the
            consumer's own rule; None: not written, or not a mask.
        losses: What was lost.
        box: x0, y0, x1, y1 of its region, pixels of the exported image.
        area: Of its region, pixels.
    """

    annotation_id: str
    label: str
    written: bool = True
    iou: float | None = None
    losses: tuple[Loss, ...] = ()
    box: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    area: float = 0.0


@dataclass(frozen=True)
class EncodedImage:
    """An image as its format has it, ready to be put into files.

    Attributes:
        record: The image without its instances (they are in ``payload``).
        payload: Whatever ``Writer.assemble`` of the same format needs; it can be pickled.
        instances: What became of each instance.
    """

    record: ImageRecord
    payload: Any
    instances: tuple[WrittenInstance, ...] = ()


@dataclass(frozen=True)
class WriteContext:
    """What a writer needs to know of the whole export.

    Attributes:
        names: Class names; their order is that of the ids.
        colors: ``#rrggbb`` of each.
        options: Values of the format's options (``FormatOption``), by their id.
        train_size: Longer side of the images as the trainer sees them, pixels.
        splits: Those that images are in; empty: there are none.
        tracks: Number of each track, from 1 on.
    """

    names: tuple[str, ...]
    colors: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    train_size: int = 640
    splits: tuple[Split, ...] = ()
    tracks: Mapping[str, int] = field(default_factory=dict)

    def track_number(self, track: str) -> int:
        """Returns the number of a track, the same on all images; an unknown one gets one by its name."""
        if track in self.tracks:
            return self.tracks[track]
        is_number = track.isascii() and track.isdigit() and len(track) < _DIGITS
        return int(track) if is_number else crc32(track.encode("utf-8", "replace"))


class WritableFolder(Protocol):
    """The folder that a writer may write to; ``OSError``, also for a path that leads outside."""

    def write(self, name: str, content: bytes) -> None:
        """Writes a file; ``name`` is relative, with forward slashes. Missing folders are made."""

    def open(self, name: str) -> AbstractContextManager[BinaryIO]:
        """Opens a new file for writing, for what does not fit in memory."""


@dataclass(frozen=True)
class Writer:
    """Writes a format, in two steps so that the first can run in several processes.

    Attributes:
        encode: Makes of one image what the format has of it, and re-rasterises that. Pure: opens no file. It
            is a function of a module, so that it can be pickled.
        assemble: Takes what ``encode`` made of all images, in their order and one at a time, and writes the
            files; those about all images (categories, class names) too. It is called once, even for no image.
        image_path: The path that the format wants an image at, of its record: "images/train/a.jpg". Relative
            to the exported folder.
    """

    encode: Callable[[ImageRecord, WriteContext], EncodedImage]
    assemble: Callable[[Iterable[EncodedImage], WriteContext, WritableFolder], None]
    image_path: Callable[[ImageRecord], str]


@dataclass(frozen=True)
class FormatOption:
    """A choice that a format offers when it is written.

    Attributes:
        id: Name on the command line and in presets ("masks").
        title: In the window.
        values: Value -> what it means, for the user; the first is the default.
    """

    id: str
    title: str
    values: Mapping[str, str]


Scope: TypeAlias = Literal["image", "dataset", "raster"]
"""One file an image, one file for many images, or label images."""


@dataclass(frozen=True)
class Format:
    """A row of the registry.

    Attributes:
        id: Stable identifier, as on the command line ("coco").
        title: Name in the user interface ("COCO instances").
        scope: How its files are laid out.
        suffixes: Of its files, lower case, with the dot.
        recognise: Whether a file is of this format, by its name and its first 64 KiB. It never raises.
        read: Its reader; None: it is only written.
        write: Its writer; None: it is only read.
        carries: What it keeps, for the user ("holes", "parts", "scores", "tracks", ...).
        options: Choices when it is written.
        rank: When several formats recognise a file, the highest rank wins.
    """

    id: str
    title: str
    scope: Scope
    suffixes: tuple[str, ...]
    recognise: Callable[[str, bytes], bool]
    read: Reader | None = None
    write: Writer | None = None
    carries: frozenset[str] = frozenset()
    options: tuple[FormatOption, ...] = ()
    rank: int = 0
