"""Detectors and predictors that other packages add, by entry points in two groups.

An entry point is a function of (device, precision) that returns the model; its name is the model's name. The
device is resolved ("cpu", "cuda:0"), the precision as the user chose it ("auto"). A package is imported when
its model is loaded, on the thread that uses it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from samdesk.base.plugins import Plugin, PluginError, found, load
from samdesk.base.text import printable
from samdesk.engine.models import registry, weights
from samdesk.engine.models.guarded import GuardedCalls, guarded_detector, guarded_predictor
from samdesk.engine.protocols import Detector, EngineError, Predictor
from samdesk.engine.runtime.device import resolve

DETECTORS = "samdesk.detectors"
PREDICTORS = "samdesk.predictors"
_NAME_LENGTH = 60


@dataclass(frozen=True)
class AddedModels:
    """The models that other packages add.

    Attributes:
        detectors: Those that find boxes, by name.
        predictors: Those that draw masks, by name.
        problems: Why others cannot be chosen.
    """

    detectors: tuple[Plugin, ...] = ()
    predictors: tuple[Plugin, ...] = ()
    problems: tuple[PluginError, ...] = ()


def added_models() -> AddedModels:
    """Lists the models of other packages. Imports none of them; reads the metadata of all packages."""
    problems: list[PluginError] = []
    return AddedModels(_usable(DETECTORS, problems), _usable(PREDICTORS, problems), tuple(problems))


def find_added(group: str, name: str) -> Plugin | None:
    """The plug-in of this name in a group; None if there is none, or its name is taken."""
    return next((plugin for plugin in _usable(group, []) if plugin.name == name), None)


def load_added_detector(plugin: Plugin, device: str, precision: str) -> Detector:
    """Imports the package and makes its detector.

    Args:
        plugin: Of ``DETECTORS``.
        device: As for ``models.load.load_detector``.
        precision: "auto", "fp32", "fp16" or "bf16".

    Raises:
        EngineError: The package cannot be used, or there is no such device.
        OutOfMemory: It does not fit on the device.
    """
    return guarded_detector(_made(plugin, device, precision), plugin)


def load_added_predictor(plugin: Plugin, device: str, precision: str) -> Predictor:
    """Likewise a predictor; ``plugin`` is of ``PREDICTORS``."""
    return guarded_predictor(_made(plugin, device, precision), plugin)


def _made(plugin: Plugin, device: str, precision: str) -> object:
    resolved = resolve(device)
    try:
        factory: Any = load(plugin, object)
    except PluginError as error:
        raise EngineError(error.what, next=error.next) from error
    calls = GuardedCalls(plugin)
    if not callable(factory):
        raise calls.refuse(f"is {type(factory).__name__}, not a function of (device, precision)")
    make: Callable[[str, str], object] = factory
    return calls.call("loading", lambda: make(resolved, precision))


def _usable(group: str, problems: list[PluginError]) -> tuple[Plugin, ...]:
    rows: dict[str, Plugin] = {}
    for plugin in found(group):
        what = _problem(plugin)
        if not what and plugin.name in rows:
            what = f"has the name of a model of {rows[plugin.name].origin}"
        if what:
            kind = "detector" if group == DETECTORS else "predictor"
            problems.append(
                PluginError(
                    f"The {kind} {printable(plugin.name, limit=_NAME_LENGTH)!r} "
                    f"of the package {plugin.owner} {what}.",
                    next=f"Update or uninstall {plugin.owner}.",
                )
            )
        else:
            rows[plugin.name] = plugin
    return tuple(rows.values())


def _problem(plugin: Plugin) -> str:
    """Why a plug-in cannot be chosen by its name; "" if it can."""
    name = plugin.name
    if name != printable(name, limit=_NAME_LENGTH) or weights.is_path(name) or name.startswith("-"):
        return "has a name that cannot be typed"
    if registry.spec(name) is not None:
        return "has the name of a model of samdesk"
    if weights.find(name) is not None:
        return "has the name of a model file on this machine"
    return ""
