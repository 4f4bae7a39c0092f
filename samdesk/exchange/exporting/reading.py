"""Questions that an export asks the dataset, each about a bounded number of images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import monotonic

from samdesk.base.errors import UserError, reason
from samdesk.base.jobs import CancelToken
from samdesk.dataset import queries
from samdesk.dataset import search as searches
from samdesk.dataset.dataset import Dataset
from samdesk.dataset.tracks.info import shared_tracks
from samdesk.domain.annotation import TrackId
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.labels import LabelSet
from samdesk.domain.review import ImageReview
from samdesk.domain.search import check_labels, parse
from samdesk.domain.split import Split
from samdesk.exchange.access import DatasetAccess
from samdesk.exchange.exporting.errors import ExportError
from samdesk.exchange.exporting.plan import ExportPlan

AT_ONCE = 32
"""Images whose annotations are read with one question: 30 ms, for which saving waits."""

TRAIN_SIZE = 640
_READING_S = 0.1


@dataclass(frozen=True)
class DatasetFacts:
    """What an export needs to know before it begins.

    Attributes:
        folder: Absolute.
        labels: The label set.
        train_size: Longer side of the images as the trainer sees them, pixels.
        splits: Of the images that are in one.
        tracks: Those of several annotations, in order.
    """

    folder: Path
    labels: LabelSet
    train_size: int = TRAIN_SIZE
    splits: Mapping[ImageKey, Split] = field(default_factory=dict)
    tracks: tuple[TrackId, ...] = ()


@dataclass(frozen=True)
class Unreadable:
    """An image that cannot be exported.

    Attributes:
        key: The image.
        message: Why, for the user.
    """

    key: ImageKey
    message: str


def facts(dataset: Dataset) -> DatasetFacts:
    """Returns what an export needs to know before it begins."""
    text = dataset.settings_get("train_size") or ""
    size = int(text) if text.isdigit() else TRAIN_SIZE
    return DatasetFacts(
        dataset.folder, dataset.labels, size or TRAIN_SIZE, queries.splits(dataset), shared_tracks(dataset)
    )


def documents(dataset: Dataset, keys: Sequence[ImageKey]) -> list[ImageDocument | Unreadable]:
    """Returns the annotations of at most ``AT_ONCE`` images; the size of an image is not looked at."""
    found: list[ImageDocument | Unreadable] = []
    for key in keys[:AT_ONCE]:
        try:
            found.append(dataset.core.documents.without_prompts(key))
        except (UserError, OSError) as error:
            found.append(Unreadable(key, getattr(error, "what", "") or reason(error)))
    return found


def keys_of(access: DatasetAccess, plan: ExportPlan, cancel: CancelToken) -> tuple[ImageKey, ...]:
    """Returns the images of a plan, in the order of the dataset.

    Raises:
        Cancelled: It was cancelled.
        ExportError: It names images that the dataset lacks.
        SearchError: Its search is none.
    """
    if plan.scope == "search":
        return _found(access, plan.search, cancel)
    every = access.ask_now(lambda dataset: dataset.keys)
    if plan.scope == "all":
        return every
    if plan.scope == "accepted":
        return _accepted(access, every, cancel)
    wanted = frozenset(plan.keys)
    if missing := wanted - frozenset(every):
        raise ExportError(f"The dataset has no image {sorted(missing)[0]!r}.")
    return tuple(key for key in every if key in wanted)


def _accepted(access: DatasetAccess, every: Sequence[ImageKey], cancel: CancelToken) -> tuple[ImageKey, ...]:
    found: list[ImageKey] = []
    start = 0
    while start < len(every):
        cancel.check()
        some = access.ask_now(partial(queries.known_summaries, start=start))
        if not some:
            break
        found += [summary.key for summary in some if summary.review is ImageReview.ACCEPTED]
        start += len(some)
    return tuple(found)


def _found(access: DatasetAccess, text: str, cancel: CancelToken) -> tuple[ImageKey, ...]:
    """The result of a search, once all annotations can be found."""
    search = parse(text)

    def read_more(dataset: Dataset) -> bool:
        check_labels(search, text, dataset.labels.names)
        dataset.indexing.want()
        end = monotonic() + _READING_S
        while searches.progress(dataset) is not None and monotonic() < end:
            dataset.advance(_READING_S)
        return searches.progress(dataset) is None

    while not access.ask_now(read_more):
        cancel.check()
    return access.ask_now(lambda dataset: searches.find_images(dataset, search, cancel))
