"""The report of a check as JSON and as text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from samdesk.base.text import counted, duration
from samdesk.exchange.check.types import SEVERITIES, CheckReport, CheckResult, Finding, Severity

FORMAT = 1
"""Version of the JSON; new keys may be added without another number."""
_SHOWN = 3
_NOUNS: dict[Severity, tuple[str, str]] = {
    "error": ("error", "errors"),
    "warning": ("warning", "warnings"),
    "information": ("remark", "remarks"),
}


def to_json(report: CheckReport) -> dict[str, Any]:
    """Returns the report as JSON has it; ``docs/check.md`` describes it."""
    return {
        "format": FORMAT,
        "dataset": report.folder,
        "images": report.images,
        "instances": report.instances,
        "seconds": round(report.seconds, 3),
        "counts": dict(report.counts),
        "checks": [_result(result) for result in report.results],
        "clean": list(report.clean),
        "skipped": list(report.skipped),
    }


def _result(result: CheckResult) -> dict[str, Any]:
    row = result.row
    return {
        "id": row.id,
        "title": row.title,
        "severity": row.severity,
        "count": result.count,
        "images": len(result.images),
        "fix": None if row.fix is None else {"title": row.fix.title, "text": row.fix.text(result)},
        "search": row.search or None,
        "findings": [_finding(finding) for finding in result.findings],
        "more": result.count - len(result.findings),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    found = {
        "message": finding.message,
        "image": finding.image,
        "annotations": list(finding.annotations),
        "file": finding.file,
        "record": finding.record,
    }
    return {name: value for name, value in found.items() if value}


def text_lines(report: CheckReport) -> Iterator[str]:
    """Yields the report as lines for the terminal, grouped by severity."""
    for severity in SEVERITIES:
        results = [result for result in report.results if result.row.severity == severity]
        if not results:
            continue
        total = report.counts[severity]
        yield f"{counted(total, *_NOUNS[severity])}"
        for result in results:
            yield f"  {result.row.title}: {result.count:,}  [{result.row.id}]"
            for finding in result.findings[:_SHOWN]:
                yield f"    {place(finding)}{finding.message}"
            if result.count > _SHOWN:
                yield f"    ... and {result.count - _SHOWN:,} more"
            if result.row.fix is not None:
                yield f"    Fix: {result.row.fix.text(result)}"
        yield ""
    yield summary(report)


def summary(report: CheckReport) -> str:
    """What was found, in one sentence."""
    images = f"{counted(report.images, 'image')} with {counted(report.instances, 'annotation')}"
    parts = [counted(report.counts[severity], *_NOUNS[severity]) for severity in SEVERITIES
             if report.counts[severity]]  # fmt: skip
    found = ", ".join(parts) or "nothing wrong"
    return f"{images} checked in {duration(report.seconds, exact=True)}: {found}."


def place(finding: Finding) -> str:
    """Where a finding is: "a.txt, line 3: "; "" if nowhere."""
    where = finding.file if finding.file and finding.record else finding.image or finding.file
    parts = [part for part in (where, finding.record) if part]
    return f"{', '.join(parts)}: " if parts else ""
