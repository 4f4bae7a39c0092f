"""Formats that other packages add, by an entry point in the group ``samdesk.formats``."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from samdesk.base.plugins import Plugin, PluginError, found, load
from samdesk.formats.base import Format

GROUP = "samdesk.formats"


@dataclass(frozen=True)
class AddedFormats:
    """What other packages add.

    Attributes:
        rows: Formats, each with the package it is from.
        problems: Why others cannot be used.
    """

    rows: tuple[tuple[Format, Plugin], ...] = ()
    problems: tuple[PluginError, ...] = ()


def added_formats(taken: Collection[str]) -> AddedFormats:
    """Loads the formats of other packages. None may have an id that is ``taken`` already."""
    rows: list[tuple[Format, Plugin]] = []
    problems = []
    ids = set(taken)
    for plugin in found(GROUP):
        try:
            row = load(plugin, Format)
            _check(row, plugin, ids)
        except PluginError as problem:
            problems.append(problem)
            continue
        ids.add(row.id)
        rows.append((row, plugin))
    return AddedFormats(tuple(rows), tuple(problems))


def _check(row: Format, plugin: Plugin, taken: Collection[str]) -> None:
    """Raises ``PluginError`` if a format cannot be used."""
    what = ""
    if row.id != plugin.name:
        what = f"calls itself {row.id!r}"
    elif row.id in taken:
        what = "has the name of another format"
    elif row.read is None and row.write is None:
        what = "is neither read nor written"
    elif not row.suffixes:
        what = "has no file suffix"
    if what:
        raise PluginError(
            f"The format {plugin.name!r} of the package {plugin.package} {what}.",
            next=f"Update or uninstall {plugin.package}.",
        )
