"""Plug-ins in the lists of models: named with their package, which is not imported for that."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtWidgets import QComboBox

from samdesk.base.plugins import Plugin
from samdesk.ui.kit.plain import plain
from samdesk.ui.models.rows import ModelRow


def entry_text(plugin: Plugin) -> str:
    """A plug-in in a list: "blobs (samdesk-blobs 1.0)"."""
    return f"{plugin.name} ({plugin.origin})"


def row_of_plugin(plugin: Plugin) -> ModelRow:
    """The row of a plug-in's predictor in the model chooser."""
    return ModelRow(plugin.name, plugin.name, licence="Plug-in", present=True, note=f"From {plugin.origin}")


def offer_plugins(combo: QComboBox, plugins: Iterable[Plugin]) -> None:
    """Lists plug-ins last; one that is listed by its name already is named with its package."""
    for plugin in plugins:
        at = combo.findData(plugin.name)
        if at < 0:
            combo.addItem(plain(entry_text(plugin)), plugin.name)
        else:
            combo.setItemText(at, plain(entry_text(plugin)))
