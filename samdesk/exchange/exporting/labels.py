"""The classes of an export: which labels of the dataset, under which names, with which ids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from samdesk.domain.labels import LabelId, LabelSet
from samdesk.exchange.exporting.errors import ExportError
from samdesk.exchange.exporting.plan import ExportPlan, LabelChoice


@dataclass(frozen=True)
class ExportedLabels:
    """The classes of an export.

    Attributes:
        names: By class id.
        colors: ``#rrggbb`` of each.
        targets: Name in the export of each label that is exported.
    """

    names: tuple[str, ...]
    colors: tuple[str, ...]
    targets: Mapping[LabelId, str]


def exported_labels(plan: ExportPlan, labels: LabelSet) -> ExportedLabels:
    """Returns the classes of an export.

    Raises:
        ExportError: The plan names a label that the dataset lacks, or one twice.
    """
    choices = plan.labels or _all(plan, labels)
    colors: dict[str, str] = {}
    targets: dict[LabelId, str] = {}
    for choice in choices:
        label = labels.find(choice.name)
        if label is None:
            known = ", ".join(labels.names[:10]) or "none yet"
            raise ExportError(f"There is no label {choice.name!r}.", next=f"The dataset has: {known}.")
        if label.id in targets:
            raise ExportError(f"The label {choice.name!r} is named twice.", next="Name it once.")
        target = " ".join(choice.target.split())
        targets[label.id] = target
        colors.setdefault(target, label.color)
    return ExportedLabels(tuple(colors), tuple(colors.values()), targets)


def _all(plan: ExportPlan, labels: LabelSet) -> tuple[LabelChoice, ...]:
    renamed = {choice.name: choice.target for choice in plan.renamed}
    for name in renamed:
        if labels.find(name) is None:
            raise ExportError(f"There is no label {name!r} to be renamed.")
    return tuple(LabelChoice(name, renamed.get(name, name)) for name in labels.names)
