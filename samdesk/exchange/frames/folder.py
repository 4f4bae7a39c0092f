"""FramesFolder: where the images of a video go, and what is there of an earlier time.

Beside the images lies a small file, ``NAME.frames.json``, that says which video they are of and how they were
chosen: what has been interrupted goes on from it. Several videos can share a folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from samdesk.base import json_file
from samdesk.base.atomic import make_folder
from samdesk.base.disk import temporaries
from samdesk.base.errors import reason
from samdesk.base.json_file import JsonError
from samdesk.base.regular import open_regular
from samdesk.base.text import counted
from samdesk.exchange.frames.errors import VideoError
from samdesk.exchange.frames.values import FramesPlan, VideoFacts

_KIND = "samdesk video frames"
_VERSION = 1
_PIECE = 64 << 10
_LEAST_DIGITS = 6
_LONGEST_NAME = 60
_UNUSUAL = re.compile(r"[^\w.-]+")
_OTHER = "Choose another folder."


@dataclass(frozen=True)
class VideoIdentity:
    """What a video is recognised by, wherever it lies.

    Attributes:
        name: Of the file, for the user.
        bytes: Its size.
        sha256: Of its size, its beginning, its middle and its end.
    """

    name: str
    bytes: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> VideoIdentity:
        """The identity of a file. Raises ``OSError``."""
        digest = hashlib.sha256()
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            digest.update(str(size).encode())
            for start in (0, size // 2, size - _PIECE):
                file.seek(max(0, start))
                digest.update(file.read(_PIECE))
        return cls(path.name, size, digest.hexdigest())


@dataclass(frozen=True)
class FolderState:
    """What a folder has of the images that are wanted.

    Attributes:
        kind: Nothing of them; some, so that more are added; all of them.
        images: How many images of the video are there.
    """

    kind: Literal["new", "begun", "finished"]
    images: int = 0

    @property
    def text(self) -> str:
        """What is there of an earlier time, as a sentence; "" for nothing."""
        if self.kind == "new":
            return ""
        there = counted(self.images, "image")
        if self.kind == "finished":
            return f"All {there} are there already."
        are = "is" if self.images == 1 else "are"
        return f"{there} of this video {are} there already; the missing ones are added."


@dataclass(frozen=True)
class FolderContents:
    """What was found in a folder: enough to say what any plan would add.

    Attributes:
        folder: The folder.
        images: Names of the images of this video, or that are named like them.
        earlier: The plan with which they were extracted; None: never.
        finished: How many images that plan had made in the end; None: it was interrupted.
        free: Bytes that the disk has left.
    """

    folder: Path
    images: frozenset[str]
    earlier: FramesPlan | None
    finished: int | None
    free: int

    def state(self, plan: FramesPlan) -> FolderState:
        """What is there of the images that a plan makes.

        Raises:
            VideoError: They would lie beside others of the same video that are of another kind.
        """
        if self.earlier is None:
            return FolderState("new")
        earlier = self.earlier
        if self.images and (earlier.kind, earlier.quality) != (plan.kind, plan.quality):
            raise VideoError(
                f"{self.folder} has frames of this video as {_kind_in_words(earlier)}.",
                next="Choose another folder, or the same kind of image.",
            )
        complete = earlier == plan and self.finished is not None and len(self.images) >= self.finished
        return FolderState("finished" if complete else "begun", len(self.images))


class FramesFolder:
    """A folder for the images of one video.

    Args:
        folder: The folder; it may be missing.
        facts: The video.

    Attributes:
        folder: The folder.
        manifest: The file beside the images.

    Raises:
        VideoError: The video cannot be read.
    """

    def __init__(self, folder: Path, facts: VideoFacts) -> None:
        self.folder = folder
        self._prefix = image_prefix(facts.path)
        self.manifest = folder / f"{self._prefix}.frames.json"
        self._digits = max(_LEAST_DIGITS, len(str(facts.frames)))
        self._image = re.compile(rf"{re.escape(self._prefix)}_\d{{{_LEAST_DIGITS},}}\.(?:jpg|png)")
        try:
            self._video = VideoIdentity.of(facts.path)
        except OSError as error:
            raise VideoError(f"{facts.path.name} cannot be read: {reason(error)}.") from error

    def name(self, index: int, plan: FramesPlan) -> str:
        """The file name of a frame: names sort in the order of the frames."""
        return f"{self._prefix}_{index:0{self._digits}d}{plan.suffix}"

    def images(self) -> frozenset[str]:
        """The names of the images of this video in the folder. Raises ``VideoError``."""
        try:
            with os.scandir(self.folder) as entries:
                return frozenset(entry.name for entry in entries if self._image.fullmatch(entry.name))
        except FileNotFoundError:
            return frozenset()
        except OSError as error:
            raise VideoError(f"{self.folder} cannot be read: {reason(error)}.", next=_OTHER) from error

    def contents(self) -> FolderContents:
        """What is there of an earlier time; nothing is written.

        Raises:
            VideoError: The folder cannot take the images: it has those of another video, or others with
                their names.
        """
        if self.folder.exists() and not self.folder.is_dir():
            raise VideoError(f"{self.folder} is a file, not a folder.", next=_OTHER)
        images, free = self.images(), free_bytes(self.folder)
        found = self._read()
        if found is None:
            if images:
                raise VideoError(
                    f"{self.folder} has files named like the frames of this video ({min(images)}) "
                    "that were not extracted from it.", next=_OTHER,
                )  # fmt: skip
            return FolderContents(self.folder, images, None, None, free)
        video, plan, finished = found
        if replace(video, name="") != replace(self._video, name=""):
            raise VideoError(f"{self.folder} has frames of another video, {video.name}.", next=_OTHER)
        return FolderContents(self.folder, images, plan, finished, free)

    def prepare(self, plan: FramesPlan) -> None:
        """Makes the folder and notes what is going to be in it.

        Raises:
            VideoError: It cannot be written to.
        """
        try:
            make_folder(self.folder)
            temporaries.clear(self.folder)
            self._write(plan, None)
        except OSError as error:
            raise VideoError(f"{self.folder} cannot be written to: {reason(error)}.", next=_OTHER) from error

    def finish(self, plan: FramesPlan) -> None:
        """Notes that all images are there. Raises ``OSError``."""
        self._write(plan, len(self.images()))

    def _write(self, plan: FramesPlan, finished: int | None) -> None:
        value = {
            "kind": _KIND, "version": _VERSION, "video": asdict(self._video), "plan": asdict(plan),
            "finished": finished,
        }  # fmt: skip
        json_file.write(self.manifest, value, indent=1)

    def _read(self) -> tuple[VideoIdentity, FramesPlan, int | None] | None:
        """The video, the plan and the number of images when it was finished; None: there is no such file."""
        try:
            value = json_file.read_object(self.manifest)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise VideoError(f"{self.manifest} cannot be read: {reason(error)}.", next=_OTHER) from error
        except JsonError as error:
            raise self._foreign() from error
        with contextlib.suppress(KeyError, TypeError, ValueError):
            if value["kind"] == _KIND and value["version"] == _VERSION:
                finished = value["finished"]
                return (
                    _video(value["video"]),
                    _plan(value["plan"]),
                    None if finished is None else int(finished),
                )
        raise self._foreign()

    def _foreign(self) -> VideoError:
        return VideoError(f"{self.manifest} is not from this version of samdesk, or damaged.", next=_OTHER)


def free_bytes(folder: Path) -> int:
    """What the disk has left that a folder is on, or would be."""
    with contextlib.suppress(OSError):
        there = next(part for part in (folder, *folder.absolute().parents) if part.is_dir())
        return shutil.disk_usage(there).free
    return 0


def default_folder(video: Path) -> Path:
    """Where the images of a video go unless another folder is chosen: beside it."""
    return video.with_name(f"{image_prefix(video)}_frames")


def image_prefix(video: Path) -> str:
    """The beginning of the names of a video's images: the name of the video, as any disk takes it."""
    return _UNUSUAL.sub("_", video.stem).strip("._-")[:_LONGEST_NAME].rstrip("._-") or "video"


def _kind_in_words(plan: FramesPlan) -> str:
    return "PNG" if plan.kind == "png" else f"JPEG of quality {plan.quality}"


def _video(value: Mapping[str, Any]) -> VideoIdentity:
    return VideoIdentity(str(value["name"]), int(value["bytes"]), str(value["sha256"]))


def _plan(value: Mapping[str, Any]) -> FramesPlan:
    end, kind = value["end"], value["kind"]
    if kind not in ("jpg", "png"):
        raise ValueError(kind)
    return FramesPlan(
        str(value["rule"]), float(value["value"]), float(value["begin"]),
        None if end is None else float(end), kind, int(value["quality"]),
    )  # fmt: skip
