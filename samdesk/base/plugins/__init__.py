"""What other packages add to samdesk: entry points, listed without importing anything.

A package names an object of its own in an entry point group ("samdesk.formats"). It is imported when it is
needed; one that fails is a ``PluginError`` that names its package, and nothing else suffers.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import ClassVar, TypeVar

from samdesk.base.errors import UserError, typed_line

T = TypeVar("T")


class PluginError(UserError):
    """What another package adds cannot be used."""

    code: ClassVar[str] = "plugin"


@dataclass(frozen=True)
class Plugin:
    """An object that a package adds.

    Attributes:
        name: Of the entry point.
        package: The package that has it, "" if its metadata do not say so.
        version: Of the package.
        entry: Where the object is.
    """

    name: str
    package: str
    version: str
    entry: EntryPoint

    @property
    def owner(self) -> str:
        """The package, else the module that the entry point names."""
        return self.package or self.entry.value

    @property
    def origin(self) -> str:
        """The package with its version, for users ("samdesk-blobs 1.0")."""
        return f"{self.owner} {self.version}".strip()


def found(group: str) -> tuple[Plugin, ...]:
    """Returns what installed packages add to a group, by name. Imports none of them."""
    plugins = []
    for entry in entry_points(group=group):
        package = entry.dist.name if entry.dist is not None else ""
        version = entry.dist.version if entry.dist is not None else ""
        plugins.append(Plugin(entry.name, package or "", version or "", entry))
    return tuple(sorted(plugins, key=lambda plugin: (plugin.name, plugin.package)))


def load(plugin: Plugin, kind: type[T]) -> T:
    """Imports what a package adds.

    Raises:
        PluginError: It cannot be imported, or is no ``kind``.
    """
    package = plugin.owner
    try:
        value = plugin.entry.load()
    except BaseException as error:  # also SystemExit: importing runs whatever the package does
        if isinstance(error, KeyboardInterrupt):
            raise
        raise PluginError(
            f"{plugin.name!r} of the package {package} cannot be loaded ({typed_line(error)}).",
            next=f"Update or uninstall {package}.",
        ) from error
    if not isinstance(value, kind):
        raise PluginError(
            f"{plugin.name!r} of the package {package} is {type(value).__name__}, not {kind.__name__}.",
            next=f"Update or uninstall {package}.",
        )
    return value
