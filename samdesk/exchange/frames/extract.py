"""Extracts frames of a video to a folder of images: whole files only, resumable, nothing overwritten."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from samdesk.base.atomic import sync_folder
from samdesk.base.errors import reason
from samdesk.base.jobs import Cancelled, CancelToken, Progress
from samdesk.base.text import counted
from samdesk.exchange.frames.errors import UnfinishedError, VideoError
from samdesk.exchange.frames.folder import FramesFolder
from samdesk.exchange.frames.reader import VideoFrame, VideoReader, damage_in_words
from samdesk.exchange.frames.rules.registry import RULES, rule
from samdesk.exchange.frames.times import clock
from samdesk.exchange.frames.values import IMAGE_KINDS, QUALITIES, FramesPlan, VideoFacts
from samdesk.exchange.frames.writer import ImageWriter

_REPORT_S = 0.05
_SLACK_S = 1e-4
_MANY = 1 << 62


@dataclass(frozen=True)
class FramesReport:
    """What became of a video.

    Attributes:
        folder: Where the images are.
        video: Name of the video.
        images: How many images of it are there.
        added: How many of them are new.
        was_finished: All were there before, and the video was not read.
        stopped: It was cancelled before the end; extracting again goes on.
        notes: What was wrong with the video, as sentences.
    """

    folder: Path
    video: str
    images: int
    added: int
    was_finished: bool = False
    stopped: bool = False
    notes: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """What became of it, as a sentence."""
        there = counted(self.images, "image")
        if self.stopped:
            are = "is" if self.images == 1 else "are"
            return f"Stopped: {there} of {self.video} {are} in {self.folder}."
        if self.was_finished:
            return f"All {there} of {self.video} are in {self.folder} already."
        if self.added < self.images:
            added = counted(self.added, "image")
            return f"{added} added from {self.video}: {self.images:,} are in {self.folder}."
        return f"{there} extracted from {self.video} to {self.folder}."


def check_plan(plan: FramesPlan) -> None:
    """Checks what the user has chosen. Raises ``VideoError`` in words."""
    known = {row.id for row in RULES}
    if plan.rule not in known:
        raise VideoError(f"Frames are chosen by {', '.join(sorted(known))}, not {plan.rule!r}.")
    row = rule(plan.rule)
    if not row.low <= plan.value <= row.high:
        raise VideoError(f"{row.title}: the number is from {row.low:g} to {row.high:g}, not {plan.value:g}.")
    if plan.end is not None and plan.end <= plan.begin:
        raise VideoError("The end must come after the beginning.")
    if plan.kind not in IMAGE_KINDS:
        raise VideoError(f"Images are {' or '.join(IMAGE_KINDS)}, not {plan.kind!r}.")
    if not QUALITIES[0] <= plan.quality <= QUALITIES[1]:
        raise VideoError(f"The quality of JPEG is from {QUALITIES[0]} to {QUALITIES[1]}, not {plan.quality}.")


def extract(
    video: Path,
    folder: Path,
    plan: FramesPlan,
    progress: Progress = lambda _done, _total: None,
    cancel: CancelToken | None = None,
) -> FramesReport:
    """Extracts frames of a video to a folder.

    An image is there whole or not at all, at any moment. Those that are there from an earlier time are kept;
    other files are never overwritten. The video is only read.

    Args:
        video: The file.
        folder: Made if it is missing.
        plan: Which frames, and what images.
        progress: Called with the frames read, and how many there are (0: unknown).
        cancel: Ends it, and ``Cancelled`` from ``progress`` does; what is written stays.

    Raises:
        VideoError: The video, the folder or the plan is no good: nothing was written.
        UnfinishedError: Writing failed; the images before stay.
    """
    check_plan(plan)
    with VideoReader(video) as reader:
        place = FramesFolder(folder, reader.facts)
        contents = place.contents()
        state = contents.state(plan)
        if state.kind == "finished":
            return FramesReport(folder, video.name, state.images, 0, was_finished=True)
        passage = _Passage(reader, plan, progress, cancel or CancelToken())
        with ImageWriter(folder, plan, reader.upright) as writer:
            stopped = _write_images(passage, place, contents.images, writer)
        if stopped:
            there = len(place.images())
            return FramesReport(folder, video.name, there, writer.written, stopped=True)
        if not passage.images:
            raise _nothing(reader.facts, plan, passage.read)
        notes = damage_in_words(reader.facts, passage.read, passage.gaps) if passage.reached_end else ()
    return _finished(place, plan, video, writer.written, notes)


def _write_images(
    passage: _Passage, place: FramesFolder, there: Collection[str], writer: ImageWriter
) -> bool:
    """Has the frames written that are not there; returns whether it was cancelled."""
    try:
        for frame in passage.chosen():
            if not passage.images:
                place.prepare(passage.plan)
            name = place.name(frame.index, passage.plan)
            if name not in there:
                pixels = frame.stored()
                if pixels is None:
                    passage.gaps += 1
                    continue
                writer.write(name, pixels)
            passage.images += 1
    except Cancelled:
        return True
    return False


class _Passage:
    """Goes through the part of a video that is wanted, and says how far it is.

    Attributes:
        read: Frames read.
        images: Images made of them, or there before; counted by the caller.
        gaps: Places that could not be decoded.
        reached_end: Whether the video was read to its end.
    """

    def __init__(
        self, reader: VideoReader, plan: FramesPlan, progress: Progress, cancel: CancelToken
    ) -> None:
        self._reader, self.plan, self._progress, self._cancel = reader, plan, progress, cancel
        self._chooser = rule(plan.rule).begin(plan.value)
        self.read = self.images = self.gaps = 0
        self.reached_end = False

    def chosen(self) -> Iterator[VideoFrame]:
        """Yields the frames that become images."""
        total, reported = frames_to_read(self._reader.facts, self.plan), 0.0
        for frame in self._reader.frames():
            self._cancel.check()
            if self.plan.end is not None and frame.seconds >= self.plan.end:
                return
            self.read += 1
            now = time.monotonic()
            if now - reported >= _REPORT_S:
                reported = now
                self._progress(self.read, total if self.read <= total else 0)
            if frame.seconds >= self.plan.begin - _SLACK_S and self._chooser.takes(frame):
                yield frame
        self.gaps += self._reader.gaps
        self.reached_end = True


def frames_to_read(facts: VideoFacts, plan: FramesPlan) -> int:
    """How many frames are read for a plan, which is from the beginning of the video; 0: unknown."""
    if plan.end is None or not facts.rate:
        return facts.frames
    return min(facts.frames or _MANY, ceil(plan.end * facts.rate))


def images_expected(facts: VideoFacts, plan: FramesPlan) -> int | None:
    """About how many images a plan makes of a video; None: only reading it shows."""
    seconds = plan.seconds_of(facts)
    if not seconds:
        return None
    found = rule(plan.rule).estimate(plan.value, seconds * facts.rate, seconds)
    return None if found is None else max(1, round(found))


def _nothing(facts: VideoFacts, plan: FramesPlan, read: int) -> VideoError:
    name = facts.path.name
    if not read:
        return VideoError(
            f"No frame of {name} can be decoded: it is damaged, or OpenCV has no decoder for it."
        )
    return VideoError(
        f"There is no frame of {name} between {clock(plan.begin)} and "
        f"{'its end' if plan.end is None else clock(plan.end)}.",
        next=f"It is {clock(facts.seconds)} long." if facts.seconds else "",
    )


def _finished(
    place: FramesFolder, plan: FramesPlan, video: Path, added: int, notes: tuple[str, ...]
) -> FramesReport:
    """Makes the names of the images durable, and notes that they are all there."""
    try:
        sync_folder(place.folder)
        place.finish(plan)
        images = len(place.images())
    except OSError as error:
        raise UnfinishedError(f"{place.manifest} cannot be written: {reason(error)}.") from error
    return FramesReport(place.folder, video.name, images, added, notes=notes)
