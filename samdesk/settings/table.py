"""Settings: one typed table, and an object that keeps what differs from it in a JSON file."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar, overload

from samdesk.base.places import config
from samdesk.settings.file import ABSENT, keep_bad, merge_into, read_table
from samdesk.settings.parameters import PARAMETERS

T = TypeVar("T")


class SettingError(ValueError):
    """A value that a setting cannot take; the text says why."""


@dataclass(frozen=True)
class Setting(Generic[T]):
    """One setting.

    Attributes:
        key: Its name in the file, ``section.name``.
        default: The value it has until changed; its type is the setting's type.
        section: The page of the settings dialog; empty: kept for the program, not shown.
        title: What the dialog calls it.
        help: One sentence on what it does.
        unit: What its number counts, shown behind it ("MB").
        choices: The values it may take, each with what the dialog calls it; empty: any.
        minimum: Smallest number allowed.
        maximum: Largest number allowed.
        step: What one click on the arrows adds.
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
        """The value in the setting's own type; ``SettingError`` in words if it cannot be one."""
        name = self.title or self.key
        if self.kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if type(value) is not self.kind:
            raise SettingError(f"{name}: expected {_KINDS[self.kind]}, not {value!r}")
        if self.choices and value not in [choice for choice, _ in self.choices]:
            allowed = ", ".join(repr(choice) for choice, _ in self.choices)
            raise SettingError(f"{name}: {value!r} is none of {allowed}")
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

_MODEL, _SPEED, _LOOK, _AUTO = "Model", "Speed and memory", "Look", "Auto-annotate"

MODEL_NAME = Setting(
    "model.name", "", _MODEL, "Model", "A model name or checkpoint file. Empty: the best one on this machine."
)
MODEL_DEVICE = Setting(
    "model.device",
    "",
    _MODEL,
    "Device",
    "Where the model runs: cuda:0, mps, cpu. Empty: the fastest there is.",
)
MODEL_PRECISION = Setting(
    "model.precision", "auto", _MODEL, "Precision",
    "Half precision is faster where the device is made for it.", choices=(("auto", "Automatic"), ("fp32",
    "fp32, full"), ("fp16", "fp16, half"), ("bf16", "bf16, half")),
)  # fmt: skip
HOVER_PREVIEW = Setting(
    "sam.hover_preview", True, _MODEL, "Preview under the cursor",
    "With no prompt placed, the mask under the mouse follows it.",
)  # fmt: skip
LOOK_CLOSER = Setting(
    "sam.look_closer", True, _MODEL, "Look closer automatically",
    "Zoomed in, SAM looks at the part on screen, not the whole photo: small things get fine masks.",
)  # fmt: skip
LOOK_CLOSER_FROM = Setting(
    "sam.look_closer_from", 2.0, _MODEL, "Look closer from",
    "How much finer than the whole photo a closer look must be to be taken by itself.",
    choices=((1.4, "1.4×"), (2.0, "2×"), (2.8, "2.8×"), (4.0, "4×"), (8.0, "8×")),
)  # fmt: skip
PREFETCH = Setting(
    "sam.prefetch", True, _SPEED, "Prepare neighbouring images",
    "Encode the next and the previous image ahead, so that they answer at once.",
)  # fmt: skip
EMBEDDING_CACHE_MB = Setting(
    "sam.embedding_cache_mb", 1024, _SPEED, "Memory for encoded images",
    "Going back to an image that is still in it costs nothing.", "MB", minimum=64, maximum=65536, step=128,
)  # fmt: skip
EMBEDDING_DISK = Setting(
    "sam.embedding_disk", True, _SPEED, "Keep encoded images on disk",
    "An image that was encoded once answers at once after the next start, too.",
)  # fmt: skip
EMBEDDING_DISK_GB = Setting(
    "sam.embedding_disk_gb", 10, _SPEED, "Disk space for encoded images",
    "1 GB holds about 500 images (SAM 2: 128). Those not used for longest leave first, and 1 GB of the disk "
    "always stays free.", "GB", minimum=1, maximum=100000,
)  # fmt: skip
MAX_MEGAPIXELS = Setting(
    "images.max_megapixels", 500, _SPEED, "Largest image",
    "Larger images are listed but not opened, to protect your memory.", "MP", minimum=1, maximum=10000,
    step=50,
)  # fmt: skip
THEME = Setting(
    "look.theme", "system", _LOOK, "Theme", "Light, dark, or as the desktop says.",
    choices=(("system", "As the system"), ("light", "Light"), ("dark", "Dark")),
)  # fmt: skip
FILL_OPACITY = Setting(
    "look.fill_opacity", 30, _LOOK, "Fill", "How much colour lies over the photo inside an annotation.", "%",
    minimum=0, maximum=90, step=5,
)  # fmt: skip
OUTLINE_WIDTH = Setting(
    "look.outline_width", 2.0, _LOOK, "Outline", "Width of outlines on the screen, at any zoom.", "px",
    minimum=0.5, maximum=6, step=0.5,
)  # fmt: skip
LABEL_TAGS = Setting(
    "look.label_tags", False, _LOOK, "Name tags", "Write the label beside each annotation on the canvas."
)
AUTO_DET_MODEL = Setting(
    "auto.det_model",
    "",
    _AUTO,
    "Detector",
    "The model that finds the objects: a name or a file. Empty: the best one on this machine.",
)
AUTO_PARAMETERS: dict[str, Setting[Any]] = {
    row.name: Setting(
        row.key, row.default, _AUTO, row.title, row.help, row.unit, row.choices, row.minimum, row.maximum,
        row.step,
    )
    for row in PARAMETERS
}  # fmt: skip
"""Parameter of auto-annotate -> the setting that remembers it."""
RECENT_FOLDERS: Setting[list[Any]] = Setting("recent_folders", [])
LAST_IMAGES: Setting[dict[str, Any]] = Setting("last_images", {})
"""Where the user left off: recent folder -> image key. Looking alone leaves no trace in the folder."""
TOLD_OF_FLINT = Setting("told.flint", False)
"""Whether the user has been told what the engine in the box is."""
WINDOW_GEOMETRY = Setting("window.geometry", "")
WINDOW_DOCKS = Setting("window.docks", "")
WINDOW_COLLAPSED: Setting[list[Any]] = Setting("window.collapsed", [])
SHORTCUTS: Setting[dict[str, Any]] = Setting("shortcuts", {})
"""Commands whose keys were changed: command id -> list of key sequences (portable text)."""

SETTINGS: tuple[Setting[Any], ...] = (
    MODEL_NAME, MODEL_DEVICE, MODEL_PRECISION, HOVER_PREVIEW, LOOK_CLOSER, LOOK_CLOSER_FROM,
    PREFETCH, EMBEDDING_CACHE_MB, EMBEDDING_DISK, EMBEDDING_DISK_GB, MAX_MEGAPIXELS,
    THEME, FILL_OPACITY, OUTLINE_WIDTH, LABEL_TAGS,
    AUTO_DET_MODEL, *AUTO_PARAMETERS.values(),
    RECENT_FOLDERS, LAST_IMAGES, TOLD_OF_FLINT, WINDOW_GEOMETRY, WINDOW_DOCKS, WINDOW_COLLAPSED, SHORTCUTS,
)  # fmt: skip
"""Every setting, in the order of the dialog."""

_BY_KEY = {setting.key: setting for setting in SETTINGS}


def find(setting: Setting[T] | str) -> Setting[Any]:
    """The setting of a key; ``KeyError`` if there is none."""
    return _BY_KEY[setting] if isinstance(setting, str) else setting


RECENT_LIMIT = 10


class Settings:
    """What the user has set. The file holds only what differs from the defaults.

    A changed value is in force at once and written a moment later by a background thread, so no
    caller waits for the disk; ``flush`` writes what is left. Two running programs keep each other's
    changes: only the keys changed here are written over the file as it then is.

    Attributes:
        path: The JSON file.
        problem: What went wrong with the file last, in words; empty when nothing did.
    """

    def __init__(self, path: Path | None = None, *, save_delay: float = 0.5) -> None:
        """Reads the file; one that cannot be understood is kept beside it as ``.bad``.

        Args:
            path: The JSON file; None: ``settings.json`` in the user's config folder.
            save_delay: Seconds between a change and its writing; 0 writes at once.
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
        """The value in force; lists and tables are copies. ``KeyError`` for an unknown key."""
        found = find(setting)
        return _copy(self._values.get(found.key, found.default))

    @overload
    def set(self, setting: Setting[T], value: T) -> None: ...
    @overload
    def set(self, setting: str, value: object) -> None: ...
    def set(self, setting: Setting[Any] | str, value: Any) -> None:
        """Changes a setting and tells the listeners; ``SettingError`` if the value is not allowed."""
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
        """Gives a setting its default again."""
        self.set(setting, setting.default)

    def is_default(self, setting: Setting[T]) -> bool:
        """Whether the setting has its default."""
        return setting.key not in self._values

    def on_change(self, listener: Callable[[Setting[Any]], None]) -> Callable[[], None]:
        """Calls ``listener`` with each setting that changes; the result takes that back."""
        self._listeners.append(listener)

        def remove() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return remove

    def add_recent(self, folder: Path) -> None:
        """Puts a folder at the top of the recent ones."""
        text = str(folder)
        rest = [other for other in self.get(RECENT_FOLDERS) if other != text]
        self.set(RECENT_FOLDERS, [text, *rest][:RECENT_LIMIT])

    def recent(self) -> list[Path]:
        """Folders that were open before, the latest first."""
        return [Path(text) for text in self.get(RECENT_FOLDERS) if isinstance(text, str)]

    def flush(self) -> bool:
        """Writes what has not been written; False (and ``problem``) if that failed."""
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
                self.problem = f"The settings could not be saved to {self.path}: {error.strerror or error}."
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
            self.problem = f"The settings in {self.path} could not be read ({error.strerror or error})."
            return
        if stored is None:
            self.problem = (
                f"The settings in {self.path} could not be understood; the defaults are in force. "
                f"The file is kept as {keep_bad(self.path).name}."
            )
            return
        wrong: list[str] = []
        for key, value in stored.items():
            if key not in _BY_KEY:
                continue  # another version's; it stays in the file
            try:
                self._values[key] = _BY_KEY[key].check(value)
            except SettingError as error:
                wrong.append(str(error))
        if wrong:
            self.problem = (
                f"In {self.path}, these settings are not valid and have their defaults: " + "; ".join(wrong)
            )


def _copy(value: Any) -> Any:
    if isinstance(value, list):
        return [_copy(item) for item in value]
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return value
