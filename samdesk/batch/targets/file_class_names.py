"""The class ids of label files that a run writes without a store, and the file that names them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TypeAlias

from samdesk.base.atomic import write_text
from samdesk.base.regular import read_text
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.dataset.links import boundary_of
from samdesk.dataset.store.errors import StoreError
from samdesk.dataset.trainer.checks import findings
from samdesk.dataset.trainer.facts import TrainingFacts, read_content
from samdesk.dataset.trainer.paths import training_paths
from samdesk.domain.labels import LabelId, LabelSet, unique_names
from samdesk.formats.yolo import data_yaml
from samdesk.images.sources import ImageSet, survey

Notify: TypeAlias = Callable[[str], None]
ClassNames: TypeAlias = Callable[
    [ImageSet, AutoAnnotatePlan, Sequence[str], Notify], tuple[LabelSet, Mapping[int, LabelId]]
]
"""(images, plan, detector class names, notify) to the labels of the files and detector class id -> label."""


def detector_class_names(
    images: ImageSet, plan: AutoAnnotatePlan, names: Sequence[str], notify: Notify
) -> tuple[LabelSet, Mapping[int, LabelId]]:
    """The detector's own class ids, also where it has nameless or equally named classes; writes no names."""
    labels = LabelSet.from_names(unique_names(names))
    found = data_yaml.read_names(images.root)
    if found is not None and found.names != tuple(names):
        notify(f"{found.path} names other classes; the new labels use the detector's class ids.")
    return labels, {i: label.id for i, label in enumerate(labels)}


def join_class_names(
    images: ImageSet, plan: AutoAnnotatePlan, names: Sequence[str], notify: Notify
) -> tuple[LabelSet, Mapping[int, LabelId]]:
    """The class ids of the dataset that the images belong to: classes are found or added by name.

    Raises:
        StoreError: The names cannot be read, so that class ids would stand for something else.
    """
    folder = images.root.resolve()
    boundary = boundary_of(folder)
    search = data_yaml.search_names(folder, boundary.real_path)
    if search.found is None and search.problems:
        raise StoreError(f"{search.problems[0]}.", next="Correct it, or give an output folder.")
    if search.found is None:
        labels, label_ids = detector_class_names(images, plan, names, notify)
    else:
        before = LabelSet.from_names(unique_names(search.found.names))
        labels = plan.labels_for(names, before)
        label_ids = plan.label_ids(names, labels)
    keys = survey(folder)
    paths = training_paths(folder, keys.keys, keys.run_outputs)
    path = search.yaml or paths.root / "data.yaml"
    if search.found is None or search.found.path != path or len(labels) > len(search.found.names):
        # The labels matter more, and report it themselves if they cannot be written.
        with suppress(OSError, data_yaml.UnreadableNamesError):
            real = boundary.real_path(path)
            old = read_text(real) if real.exists() else None
            write_text(real, data_yaml.render(old, labels.names, paths.relative_to(path.parent)))
            paths.write_listing(boundary)
            notify(f"Class names are in {path}.")
    facts = TrainingFacts(folder, keys, path, labels.names, annotated=images.keys)
    for finding in findings(facts.with_content(read_content(path, folder))):
        notify(finding.message)
    return labels, label_ids
