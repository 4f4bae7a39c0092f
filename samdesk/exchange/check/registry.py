"""The registry of checks, one row each, the most serious first."""

from __future__ import annotations

from samdesk.exchange.check.fixing.fix import (
    FIX_YAML,
    OUTLINE_BOXES,
    REMOVE_BAD_LINES,
    REMOVE_DUPLICATES,
    REMOVE_ORPHANS,
    REMOVE_TINY,
    REWRITE_OUTLINES,
)
from samdesk.exchange.check.rows import dataset, images, instances, labels
from samdesk.exchange.check.types import CheckRow, Severity


def _of_trainer(code: str, title: str, severity: Severity, why: str) -> CheckRow:
    return CheckRow(code, title, severity, why, whole=dataset.of_trainer(code), fix=FIX_YAML)


CHECKS: tuple[CheckRow, ...] = (
    CheckRow("nothing-annotated", "Nothing to train on", "error",
             "A model learns nothing from images without annotations.", whole=dataset.nothing_annotated),
    CheckRow("unreadable-images", "Images that cannot be read", "error",
             "They are neither shown nor trained on.", images.unreadable),
    CheckRow("unreadable-labels", "Labels that cannot be read", "error",
             "Their images are trained on as images without objects, or not at all.", labels.unreadable),
    CheckRow("bad-lines", "Bad lines in label files", "error",
             "For one bad line the trainer drops the whole image.", labels.bad_lines, fix=REMOVE_BAD_LINES),
    CheckRow("class-ids", "Class ids without a class", "error",
             "The trainer drops the images that use them.", labels.class_ids),
    CheckRow("mixed-lines", "Boxes and outlines in one label file", "error",
             "The trainer drops such images.", labels.mixed, fix=OUTLINE_BOXES),
    CheckRow("boxes", "Label files with boxes among outlines", "error",
             "The trainer drops the outlines of all images.", whole=labels.boxes, fix=OUTLINE_BOXES),
    CheckRow("name-clashes", "Images that share a label file", "error",
             "a.jpg and a.png are both labelled by a.txt.", whole=images.name_clashes),
    CheckRow("dropped", "Images that the trainer drops", "error",
             "They are not trained on.", images.dropped),
    CheckRow("leaks", "The same image in several splits", "error",
             "Validation on images that were trained on flatters.", whole=dataset.leaks),
    CheckRow("near-leaks", "Nearly the same image in several splits", "error",
             "Validation on images that were trained on flatters.", whole=dataset.near_leaks, pixels=True),
    _of_trainer("refused", "data.yaml is refused", "error", "The trainer does not start."),
    _of_trainer("missing-classes", "Classes missing in data.yaml", "error",
                "The trainer drops the images that use them."),
    _of_trainer("labels-elsewhere", "Labels behind a link", "error",
                "The trainer takes the images for images without objects."),
    _of_trainer("unreached", "Annotated images that are not trained on", "warning",
                "They are in none of the places that data.yaml names."),
    _of_trainer("splits-ignored", "Folders of splits that data.yaml ignores", "warning",
                "All images are used for training and for validation."),
    _of_trainer("run-outputs", "Plots of training runs among the images", "warning",
                "They would be trained on as images without objects."),
    _of_trainer("unreadable", "Images in formats that samdesk does not read", "warning",
                "The trainer may use them as images without objects."),
    _of_trainer("unlisted", "Folders that cannot be listed", "warning", "Their images are missing here."),
    CheckRow("same-for-both", "Validation on the training images", "warning",
             "The figures of a training say nothing then.", whole=dataset.same_for_both),
    CheckRow("without-split", "Images in no split", "warning",
             "They are not used.", whole=dataset.without_split),
    CheckRow("missing-of-lists", "Lists that name missing images", "warning",
             "The trainer ignores the entries.", whole=dataset.missing_of_lists),
    CheckRow("changed-labels", "Label files changed by other programs", "warning",
             "The trainer reads the files, you see what samdesk has.", labels.changed),
    CheckRow("turned-images", "Images that were turned or resized since", "warning",
             "Annotations may no longer fit.", images.turned_since),
    CheckRow("crossing", "Outlines that cross themselves", "warning",
             "What is crossed twice becomes a hole.", labels.crossing, fix=REWRITE_OUTLINES),
    CheckRow("duplicates", "Duplicate annotations", "warning",
             "The same object twice with one label.", instances.duplicates, fix=REMOVE_DUPLICATES,
             search="is:duplicate"),
    CheckRow("two-labels", "One object with two labels", "warning",
             "One of them is wrong.", instances.two_labels),
    CheckRow("contained", "Annotations inside another of their label", "warning",
             "Often a part of an object that is annotated as a whole, too.", instances.contained),
    CheckRow("tiny", "Tiny annotations", "warning",
             "At the training size hardly a pixel is left of them.", instances.tiny, fix=REMOVE_TINY),
    CheckRow("unreviewed", "Unreviewed annotations in what trains", "warning",
             "Nobody has looked at them.", instances.unreviewed, search="state:pending"),
    CheckRow("orphans", "Label files without an image", "warning",
             "The image is missing, or has another name.", whole=labels.orphans, fix=REMOVE_ORPHANS),
    CheckRow("missing-in-split", "Classes in one split only", "warning",
             "They cannot be learned, or not be judged.", whole=dataset.missing_in_split),
    CheckRow("same-images", "The same image several times", "warning",
             "It weighs more than others, and is labelled twice.", whole=dataset.same_images),
    CheckRow("rare-classes", "Classes with few annotations", "information",
             f"Less than {dataset.FEW} are hardly learned.", whole=dataset.rare_classes),
    CheckRow("empty-classes", "Classes without annotations", "information",
             "They are in data.yaml, and the model has an output for them.", whole=dataset.empty_classes),
    CheckRow("outside", "Outlines that reach outside the image", "information",
             "They are clipped.", labels.outside),
    CheckRow("orientation", "Images with an EXIF orientation", "information",
             "Some programs ignore it: labels exported for them may lie sideways.", images.orientation),
    CheckRow("empty-accepted", "Accepted images without annotations", "information",
             "They are trained on as images without objects.", images.empty_accepted,
             search="image:done image:empty"),
    _of_trainer("unreviewed-images", "Images not looked at", "information",
                "The trainer takes them for images without objects."),
)  # fmt: skip
"""Every check."""


def find_check(check_id: str) -> CheckRow | None:
    """The check with an id, or None."""
    return next((row for row in CHECKS if row.id == check_id), None)
