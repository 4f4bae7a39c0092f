"""The table of all settings, and the store of their values in a JSON file."""

from __future__ import annotations

import math
import reprlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar, overload

from samdesk.base.errors import reason
from samdesk.base.json_file import rename_bad
from samdesk.base.places import config
from samdesk.settings.file import ABSENT, merge_into, read_table
from samdesk.settings.parameters import PARAMETERS

T = TypeVar("T")


class SettingError(ValueError):
    """A value is not valid for a setting; the message says why."""


@dataclass(frozen=True)
class Setting(Generic[T]):
    """One setting.

    Attributes:
        key: Its name in the file, ``section.name``.
        default: The initial value; its type is the setting's type.
        section: The page of the settings dialog; empty: internal, not shown.
        title: Its label in the dialog.
        help: One sentence on what it does.
        unit: The unit of its number, shown after it ("MB").
        choices: The allowed values, each with its label in the dialog; empty: any.
        minimum: Smallest number allowed.
        maximum: Largest number allowed.
        step: The spin box's single step.
    """

    key: str
    default: T
    section: str = ""
    title: str = ""
    help: str = ""
    unit: str = ""
    choices: tuple[tuple[T, str], ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    step: float = 1

    @property
    def kind(self) -> type:
        """The Python type of its values: bool, int, float, str, list or dict."""
        return type(self.default)

    def check(self, value: object) -> T:
        """Converts a value to the setting's type. Raises ``SettingError``."""
        name = self.title or self.key
        if self.kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if type(value) is not self.kind:
            raise SettingError(f"{name}: expected {_KINDS[self.kind]}, not {reprlib.repr(value)}")
        if self.choices and value not in [choice for choice, _ in self.choices]:
            allowed = ", ".join(repr(choice) for choice, _ in self.choices)
            raise SettingError(f"{name}: {reprlib.repr(value)} is not one of {allowed}")
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            self._check_range(name, value)
        return value  # type: ignore[return-value]

    def _check_range(self, name: str, value: float) -> None:
        low = -math.inf if self.minimum is None else self.minimum
        high = math.inf if self.maximum is None else self.maximum
        if not low <= value <= high:  # false for nan, too
            raise SettingError(f"{name}: {value:g} is not between {low:g} and {high:g}")


_KINDS: dict[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "a table",
}

_MODEL, _SPEED, _APPEARANCE, _AUTO = "Model", "Speed and memory", "Appearance", "Auto-annotate"
_START = "Start"

MODEL_NAME = Setting(
    "model.name",
    "",
    _MODEL,
    "Model",
    "A model name or checkpoint file. Leave empty for the best one on this computer.",
)
MODEL_DEVICE = Setting(
    "model.device",
    "",
    _MODEL,
    "Device",
    "Where the model runs: cuda:0, mps or cpu. Leave empty for the fastest device.",
)
MODEL_PRECISION = Setting(
    "model.precision", "auto", _MODEL, "Precision",
    "Half precision is faster on devices that support it.", choices=(("auto", "Automatic"), ("fp32",
    "fp32, full"), ("fp16", "fp16, half"), ("bf16", "bf16, half")),
)  # fmt: skip
HOVER_PREVIEW = Setting(
    "sam.hover_preview", True, _MODEL, "Preview under the cursor",
    "Shows the mask under the cursor until you click.",
)  # fmt: skip
LOOK_CLOSER = Setting(
    "sam.look_closer", True, _MODEL, "Look closer automatically",
    "When zoomed in, SAM encodes the visible part of the image: small objects get finer masks.",
)  # fmt: skip
LOOK_CLOSER_FROM = Setting(
    "sam.look_closer_from", 2.0, _MODEL, "Look closer from",
    "Zoom at which a closer look starts by itself.",
    choices=((1.4, "1.4×"), (2.0, "2×"), (2.8, "2.8×"), (4.0, "4×"), (8.0, "8×")),
)  # fmt: skip
PREFETCH = Setting(
    "sam.prefetch", True, _SPEED, "Prepare neighbouring images",
    "Encodes the next and previous image in advance, so that they respond at once.",
)  # fmt: skip
EMBEDDING_CACHE_MB = Setting(
    "sam.embedding_cache_mb", 1024, _SPEED, "Memory for encoded images",
    "Going back to a recent image is instant.", "MB", minimum=64, maximum=65536, step=128,
)  # fmt: skip
EMBEDDING_DISK = Setting(
    "sam.embedding_disk", True, _SPEED, "Keep encoded images on disk",
    "Images that were encoded before respond at once, even after a restart.",
)  # fmt: skip
EMBEDDING_DISK_GB = Setting(
    "sam.embedding_disk_gb", 10, _SPEED, "Disk space for encoded images",
    "1 GB holds about 500 images (SAM 2: 128). The least recently used are deleted first; 1 GB of disk space "
    "always stays free.", "GB", minimum=1, maximum=100000,
)  # fmt: skip
MAX_MEGAPIXELS = Setting(
    "images.max_megapixels", 500, _SPEED, "Largest image",
    "Larger images are listed but not opened, to save memory.", "MP", minimum=1, maximum=10000,
    step=50,
)  # fmt: skip
THEME = Setting(
    "look.theme", "system", _APPEARANCE, "Theme", "Light, dark, or follow the desktop.",
    choices=(("system", "Match system"), ("light", "Light"), ("dark", "Dark")),
)  # fmt: skip
FILL_OPACITY = Setting(
    "look.fill_opacity", 30, _APPEARANCE, "Fill", "Opacity of the fill inside annotations.", "%",
    minimum=0, maximum=90, step=5,
)  # fmt: skip
OUTLINE_WIDTH = Setting(
    "look.outline_width", 2.0, _APPEARANCE, "Outline", "Width of outlines on screen, at any zoom.", "px",
    minimum=0.5, maximum=6, step=0.5,
)  # fmt: skip
COLOR_BY_INSTANCE = Setting(
    "look.color_by_instance", False, _APPEARANCE, "Colour by instance",
    "Gives each annotation a colour of its own instead of its label's.",
)  # fmt: skip
LABEL_TAGS = Setting(
    "look.label_tags",
    False,
    _APPEARANCE,
    "Name tags",
    "Shows the label and the score next to each annotation.",
)
LABEL_GROUPS = Setting(
    "look.label_groups", True, _APPEARANCE, "Label groups",
    "Groups labels whose names begin alike up to / . _ or : in the Labels panel.",
)  # fmt: skip
SMOOTH_PX = Setting("outline.smooth_px", 2.0, minimum=0, maximum=50)
SIMPLIFY_PX = Setting("outline.simplify_px", 1.0, minimum=0, maximum=30)
SPECK_AREA = Setting("outline.speck_area", 64.0, minimum=0, maximum=100_000)
"""Square pixels: holes up to this are filled and specks up to this dropped by one key."""
OUTLINE_KIND = Setting("outline.kind", "smooth")
"""What the bar adjusted last."""
REOPEN_LAST = Setting(
    "start.reopen", True, _START, "Open the last folder",
    "Start where you left off, without the welcome page.",
)  # fmt: skip
AUTO_DET_MODEL = Setting(
    "auto.det_model",
    "",
    _AUTO,
    "Detector",
    "The model that finds objects: a name or a file. Leave empty for the best one on this computer.",
)
AUTO_OPEN_MODEL = Setting(
    "auto.open_model",
    "",
    _AUTO,
    "Open-vocabulary model",
    "The YOLOE model that finds objects by words and examples: a name or a file. Leave empty for one on this "
    "computer.",
)
ANNOTATE_AHEAD = Setting(
    "auto.ahead", False, _AUTO, "Annotate ahead",
    "Auto-annotates the next images that have no annotations in the background while you work, with the "
    "parameters below.",
)  # fmt: skip
AUTO_PARAMETERS: dict[str, Setting[Any]] = {
    row.name: Setting(
        row.key, row.default, _AUTO, row.title, row.help, row.unit, row.choices, row.minimum, row.maximum,
        row.step,
    )
    for row in PARAMETERS
}  # fmt: skip
"""Parameter of auto-annotate -> the setting that remembers it."""
FIND_SCOPE = Setting("find.scope", "IMAGE")
"""Where the key of "Find more like these" looks: name of a scope, the one chosen last."""
BRUSH_SIZE = Setting("brush.size", 32.0, minimum=1, maximum=2000)
"""Diameter of the brush, image pixels."""
SNAP = Setting("edit.snap", False)
"""Whether a dragged vertex snaps to the edge of a neighbour."""
RECENT_FOLDERS: Setting[list[Any]] = Setting("recent_folders", [])
LAST_IMAGES: Setting[dict[str, Any]] = Setting("last_images", {})
"""The image last shown, by recent folder: folder -> image key. Viewing alone writes nothing to the folder."""
FLINT_INTRODUCED = Setting("told.flint", False)
"""Whether the message about the built-in model has been shown."""
SHOW_FOUND = Setting("search.show_found", True)
"""Whether the panel of found annotations is shown with a search."""
WINDOW_GEOMETRY = Setting("window.geometry", "")
WINDOW_DOCKS = Setting("window.docks", "")
WINDOW_COLLAPSED: Setting[list[Any]] = Setting("window.collapsed", [])
SHORTCUTS: Setting[dict[str, Any]] = Setting("shortcuts", {})
"""Customised shortcuts: command id -> list of key sequences (portable text)."""

SETTINGS: tuple[Setting[Any], ...] = (
    MODEL_NAME, MODEL_DEVICE, MODEL_PRECISION, HOVER_PREVIEW, LOOK_CLOSER, LOOK_CLOSER_FROM,
    PREFETCH, EMBEDDING_CACHE_MB, EMBEDDING_DISK, EMBEDDING_DISK_GB, MAX_MEGAPIXELS,
    THEME, FILL_OPACITY, OUTLINE_WIDTH, COLOR_BY_INSTANCE, LABEL_TAGS, LABEL_GROUPS, REOPEN_LAST,
    AUTO_DET_MODEL, AUTO_OPEN_MODEL, ANNOTATE_AHEAD, *AUTO_PARAMETERS.values(),
    FIND_SCOPE, BRUSH_SIZE, SNAP,
    SMOOTH_PX, SIMPLIFY_PX, SPECK_AREA, OUTLINE_KIND,
    RECENT_FOLDERS, LAST_IMAGES, FLINT_INTRODUCED, SHOW_FOUND, WINDOW_GEOMETRY, WINDOW_DOCKS,
    WINDOW_COLLAPSED, SHORTCUTS,
)  # fmt: skip
"""Every setting, in the order of the dialog."""

_BY_KEY = {setting.key: setting for setting in SETTINGS}


def find(setting: Setting[T] | str) -> Setting[Any]:
    """The setting with this key. Raises ``KeyError``."""
    return _BY_KEY[setting] if isinstance(setting, str) else setting


RECENT_LIMIT = 10


class Settings:
    """The values of all settings. The file holds only those that differ from the defaults.

    A change takes effect at once and is written a moment later by a background thread, so no caller
    waits for the disk; ``flush`` writes what is pending. Instances that run at the same time keep each
    other's changes: only the keys changed here are merged into the file as it then is.

    Attributes:
        path: The JSON file.
        problem: The last error with the file, for the user; "" if there was none.
    """

    def __init__(self, path: Path | None = None, *, save_delay: float = 0.5) -> None:
        """Reads the file; one that cannot be parsed is renamed to ``.bad``.

        Args:
            path: The JSON file; None: ``settings.json`` in the user's config folder.
            save_delay: Seconds from a change until it is written; 0 writes at once.
        """
        self.path = path if path is not None else config() / "settings.json"
        self.problem = ""
        self._delay = save_delay
        self._lock = threading.Lock()  # guards the values, never held over a disk access
        self._disk = threading.Lock()  # one writer at a time
        self._timer: threading.Timer | None = None
        self._changed: set[str] = set()
        self._values: dict[str, Any] = {}
        self._listeners: list[Callable[[Setting[Any]], None]] = []
        self._load()

    @overload
    def get(self, setting: Setting[T]) -> T: ...
    @overload
    def get(self, setting: str) -> Any: ...
    def get(self, setting: Setting[Any] | str) -> Any:
        """The current value; lists and dicts are copies. Raises ``KeyError`` for an unknown key."""
        found = find(setting)
        return _copy(self._values.get(found.key, found.default))

    @overload
    def set(self, setting: Setting[T], value: T) -> None: ...
    @overload
    def set(self, setting: str, value: object) -> None: ...
    def set(self, setting: Setting[Any] | str, value: Any) -> None:
        """Changes a setting and notifies the listeners. Raises ``SettingError`` for an invalid value."""
        found = find(setting)
        value = found.check(value)
        if value == self.get(found):
            return
        with self._lock:
            if value == found.default:
                self._values.pop(found.key, None)
            else:
                self._values[found.key] = _copy(value)
            self._changed.add(found.key)
        self._save_soon()
        for listener in list(self._listeners):
            listener(found)

    def reset(self, setting: Setting[T]) -> None:
        """Resets a setting to its default."""
        self.set(setting, setting.default)

    def is_default(self, setting: Setting[T]) -> bool:
        """Whether the setting has its default."""
        return setting.key not in self._values

    def on_change(self, listener: Callable[[Setting[Any]], None]) -> Callable[[], None]:
        """Calls ``listener`` with each setting that changes. Returns a function that unsubscribes it."""
        self._listeners.append(listener)

        def remove() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return remove

    def add_recent(self, folder: Path) -> None:
        """Moves a folder to the top of the recent folders."""
        text = str(folder)
        rest = [other for other in self.get(RECENT_FOLDERS) if other != text]
        self.set(RECENT_FOLDERS, [text, *rest][:RECENT_LIMIT])

    def recent(self) -> list[Path]:
        """The recent folders, latest first."""
        return [Path(text) for text in self.get(RECENT_FOLDERS) if isinstance(text, str)]

    def flush(self) -> bool:
        """Writes pending changes; returns False and sets ``problem`` if that failed."""
        with self._disk:
            with self._lock:
                if self._timer is not None:
                    self._timer.cancel()
                    self._timer = None
                changed = {key: self._values.get(key, ABSENT) for key in self._changed}
                self._changed.clear()
            if not changed:
                return True
            try:
                merge_into(self.path, changed)
            except OSError as error:
                self.problem = f"The settings could not be saved to {self.path}: {reason(error)}."
                with self._lock:
                    self._changed.update(changed)
                return False
            return True

    def _save_soon(self) -> None:
        if self._delay <= 0:
            self.flush()
            return
        with self._lock:
            if self._timer is None:
                self._timer = threading.Timer(self._delay, self.flush)
                self._timer.daemon = True
                self._timer.start()

    def _load(self) -> None:
        try:
            stored = read_table(self.path)
        except OSError as error:
            self.problem = f"The settings in {self.path} could not be read ({reason(error)})."
            return
        if stored is None:
            bad = rename_bad(self.path)
            kept = f"The damaged file is kept as {bad.name}." if bad else "Nothing is changed in the file."
            self.problem = f"The settings in {self.path} are damaged, so the defaults are used. {kept}"
            return
        invalid: list[str] = []
        for key, value in stored.items():
            if key not in _BY_KEY:
                continue  # of another version; it stays in the file
            try:
                self._values[key] = _BY_KEY[key].check(_texts_only(value))
            except SettingError as error:
                invalid.append(str(error))
        if invalid:
            self.problem = (
                f"Some settings in {self.path} are invalid and were reset to their defaults: "
                + "; ".join(invalid)
            )


def _texts_only(value: Any) -> Any:
    """A list or table from the file without items that are neither texts nor lists of them: none is ours."""
    if isinstance(value, list):
        return [item for item in value if isinstance(item, str)]
    if isinstance(value, dict):
        return {k: _texts_only(item) for k, item in value.items() if isinstance(item, (str, list))}
    return value


def _copy(value: Any) -> Any:
    if isinstance(value, list):
        return [_copy(item) for item in value]
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return value
