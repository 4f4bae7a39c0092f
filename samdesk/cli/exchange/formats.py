"""``samdesk formats``: lists the formats that datasets are imported from and exported to."""

from __future__ import annotations

from samdesk.cli.output import echo
from samdesk.formats.registry import FORMATS


def formats() -> None:
    """List the formats that datasets can be imported from and exported to."""
    for row in FORMATS:
        ways = [way for way, there in (("import", row.read), ("export", row.write)) if there is not None]
        echo(f"{row.id:16} {row.title} ({', '.join(ways)})")
