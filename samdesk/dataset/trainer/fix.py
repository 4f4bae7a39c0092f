"""Changes data.yaml so that the trainer finds all images with their labels, where that is certain."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from samdesk.dataset.trainer.checks import TrainingFinding, class_count, findings
from samdesk.dataset.trainer.facts import TrainingFacts
from samdesk.dataset.trainer.paths import SplitPaths
from samdesk.dataset.trainer.reading import TRAINED


@dataclass(frozen=True)
class YamlFix:
    """A change of data.yaml.

    Attributes:
        changed: Keys with new values.
        removed: Keys that go.
    """

    changed: dict[str, Any]
    removed: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """What changes, for the user."""
        parts = [f"{key}: {_short(value)}" for key, value in self.changed.items() if key != "names"]
        parts += ["names for all class ids"] if "names" in self.changed else []
        return "; ".join([*parts, *(f"{key} removed" for key in self.removed)])


@dataclass(frozen=True)
class TrainingReport:
    """What the trainer would do otherwise than the dataset looks.

    Attributes:
        findings: The most serious first.
        fix: What ends those that are ``fixable``; None: none is.
    """

    findings: tuple[TrainingFinding, ...] = ()
    fix: YamlFix | None = None


def report(facts: TrainingFacts) -> TrainingReport:
    """Runs all checks and finds out, by running them again on its result, what a fix would end."""
    before = findings(facts)
    fix = _fix(facts) if facts.content is not None else None
    if fix is None or facts.content is None:
        return TrainingReport(before)
    content = {key: value for key, value in facts.content.items() if key not in fix.removed}
    fixed = facts.with_content({**content, **fix.changed}, listed=True)
    after = {finding.code for finding in findings(fixed) if not finding.only_information}
    if after - {finding.code for finding in before}:
        return TrainingReport(before)
    marked = tuple(
        replace(finding, fixable=not finding.only_information and finding.code not in after)
        for finding in before
    )
    return TrainingReport(marked, fix if any(finding.fixable for finding in marked) else None)


def _fix(facts: TrainingFacts) -> YamlFix | None:
    """Returns the change that makes data.yaml one that samdesk would write; None: there is none."""
    assert facts.content is not None
    changed: dict[str, Any] = {}
    removed: tuple[str, ...] = ()
    codes = {refusal.code for refusal in facts.reading.refusals}
    if codes & {"path-relative", "path-gone"}:
        removed = ("path",)
        bare = {key: value for key, value in facts.content.items() if key != "path"}
        facts = facts.with_content(bare)
        codes |= {refusal.code for refusal in facts.reading.refusals}
    incomplete = class_count(facts) < len(facts.names)
    if (incomplete or codes & {"class-ids", "nc", "names-missing", "names-type"}) and facts.names:
        changed |= _names(facts)
    changed |= _splits(facts)
    return YamlFix(changed, removed) if changed or removed else None


def _names(facts: TrainingFacts) -> dict[str, Any]:
    assert facts.content is not None
    as_list = isinstance(facts.content.get("names"), list)
    names: Any = list(facts.names) if as_list else dict(enumerate(facts.names))
    return {"names": names} | ({"nc": len(facts.names)} if "nc" in facts.content else {})


def _splits(facts: TrainingFacts) -> dict[str, Any]:
    """Returns new values for the splits that the trainer does not find, or that do not tell images apart."""
    planned, places = facts.planned, facts.reading.places
    if facts.unsplit and findings_of(facts, "unreached", "labels-elsewhere", "splits-ignored", "run-outputs"):
        return dict(planned)
    missing = [split for split in TRAINED if split not in places]
    if len(missing) == 2:
        return dict(planned)
    return {split: _other(facts, planned, split) for split in missing}


def _other(facts: TrainingFacts, planned: SplitPaths, split: str) -> str | list[str]:
    """Returns the folder of one split, where the other one is as the user wants it."""
    if planned["train"] != planned["val"]:
        return planned[split]
    assert facts.content is not None
    value: str | list[str] = facts.content.get("train" if split == "val" else "val") or planned[split]
    return value


def findings_of(facts: TrainingFacts, *codes: str) -> list[TrainingFinding]:
    """The findings of some checks."""
    return [finding for finding in findings(facts) if finding.code in codes]


def _short(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
