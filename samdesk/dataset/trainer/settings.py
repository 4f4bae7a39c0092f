"""The settings of a dataset about its training: what is written for the trainer, and its image size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from samdesk.domain.document import ImageDocument

if TYPE_CHECKING:
    from samdesk.dataset.dataset import Dataset

LabelFilesHold: TypeAlias = Literal["all", "not-rejected", "accepted"]
"""All annotations; all but those the user has rejected; only those the user has accepted."""
LABEL_FILES_HOLD: tuple[LabelFilesHold, ...] = ("not-rejected", "accepted", "all")

ListsHold: TypeAlias = Literal["all", "done"]
"""All images of a split, or only those the user has accepted."""
LISTS_HOLD: tuple[ListsHold, ...] = ("all", "done")

TRAIN_SIZE = 640
TRAIN_SIZES = (32, 8192)


@dataclass(frozen=True)
class TrainingSettings:
    """What a dataset is trained on.

    Attributes:
        label_files_hold: Which annotations are in label files.
        lists_hold: Which images are in the lists of the splits.
        train_size: Longer side of the images as the trainer sees them, pixels.
    """

    label_files_hold: LabelFilesHold = "not-rejected"
    lists_hold: ListsHold = "all"
    train_size: int = TRAIN_SIZE


def training_settings(setting: Callable[[str], str | None]) -> TrainingSettings:
    """Returns the settings of a dataset; values that are damaged are taken for the usual ones.

    Args:
        setting: Returns a value stored with the dataset: ``Dataset.settings_get`` or ``DatasetCore.setting``.
    """
    usual = TrainingSettings()
    held = {value: value for value in LABEL_FILES_HOLD}
    listed = {value: value for value in LISTS_HOLD}
    size = setting("train_size") or ""
    known = size.isascii() and size.isdecimal() and len(size) < 6
    return TrainingSettings(
        held.get(setting("label_files_hold") or "", usual.label_files_hold),  # type: ignore[call-overload]
        listed.get(setting("lists_hold") or "", usual.lists_hold),  # type: ignore[call-overload]
        min(max(int(size), TRAIN_SIZES[0]), TRAIN_SIZES[1]) if known else usual.train_size,
    )


def change_training(dataset: Dataset, wanted: TrainingSettings) -> bool:
    """A query: sets the settings. Label files follow in the pauses of other work, and lists at once.

    Returns:
        Whether any has changed.

    Raises:
        StoreError: Nothing was changed.
    """
    before = training_settings(dataset.settings_get)
    if wanted == before:
        return False
    core = dataset.core
    core.check_writable()
    core.ensure_file()
    lines = (before.label_files_hold, before.train_size) != (wanted.label_files_hold, wanted.train_size)

    core.set_setting("label_files_hold", wanted.label_files_hold)
    core.set_setting("lists_hold", wanted.lists_hold)
    core.set_setting("train_size", str(wanted.train_size))

    def write() -> None:
        if lines:
            core.rows.store.execute("UPDATE images SET dirty=1")

    core.transact(write)
    core.projection.training = wanted
    core.write_label_files(core.rows.keys("dirty") if lines else ())
    return True


def held(document: ImageDocument, hold: LabelFilesHold) -> ImageDocument:
    """Returns a document with those annotations only that its label file holds, in their order."""
    if hold == "not-rejected":
        chosen = document.annotations
    elif hold == "all":
        chosen = document.all_annotations
    else:
        chosen = tuple(a for a in document.annotations if a.review.is_accepted)
    if not document.rejected and len(chosen) == len(document.annotations):
        return document
    return ImageDocument(
        document.key, document.width, document.height, chosen, document.review, document.revision
    )
