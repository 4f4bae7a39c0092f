"""``samdesk formats``: lists the formats that datasets are imported from and exported to."""

from __future__ import annotations

from samdesk.cli.output import echo


def formats() -> None:
    """List the formats that datasets can be imported from and exported to."""
    from samdesk.formats.plugins import added_formats
    from samdesk.formats.registry import FORMATS

    added = added_formats([row.id for row in FORMATS])
    packages = {row.id: f"{plugin.package} {plugin.version}" for row, plugin in added.rows}
    for row in (*FORMATS, *(row for row, _ in added.rows)):
        ways = [way for way, there in (("import", row.read), ("export", row.write)) if there is not None]
        package = f", from {packages[row.id]}" if row.id in packages else ""
        echo(f"{row.id:16} {row.title} ({', '.join(ways)}{package})")
    for problem in added.problems:
        echo(str(problem), err=True)
