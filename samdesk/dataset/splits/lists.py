"""Keeps ``train.txt``, ``val.txt`` and ``test.txt``, and their names in data.yaml, in step with the splits.

They lie beside data.yaml and hold one image a line, relative to their folder ("./images/a.jpg"), as the
Ultralytics trainer reads them. A list, or a split in data.yaml, that another program has written is left
alone until the user agrees to replace it; a copy is kept then.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

from samdesk.base import atomic, json_file
from samdesk.base.errors import reason
from samdesk.base.hashing import hash_bytes
from samdesk.base.text import counted
from samdesk.dataset.conflicts import copy_before_replacing
from samdesk.dataset.core import DatasetCore
from samdesk.dataset.store.errors import StoreError
from samdesk.dataset.trainer.settings import training_settings
from samdesk.dataset.types import TRAINING, Notice
from samdesk.domain.document import ImageKey
from samdesk.domain.split import SPLITS, Split
from samdesk.formats.yolo.names import load_mapping, read_text_of
from samdesk.formats.yolo.yaml_edit import SPLIT_KEYS, with_note, without_note
from samdesk.formats.yolo.yaml_keys import edited

_STATE = "samdesk.split_lists"
_MANY = 2000
"""Images in splits from which on the lists are not written more often than every few seconds."""
_SECONDS = 5.0
_MOST_BYTES = 256 << 20


@dataclass
class _State:
    """What samdesk has written, kept in the store.

    Attributes:
        written: List -> hash of its content.
        keys: Key of data.yaml -> its value before samdesk named a list there; None: there was none.
    """

    written: dict[str, str] = field(default_factory=dict)
    keys: dict[str, Any] = field(default_factory=dict)

    def text(self) -> str:
        """The state for the store."""
        return json.dumps({"written": self.written, "keys": self.keys})

    @classmethod
    def read(cls, text: str | None) -> _State:
        """Reads ``text``; damaged: nothing is known."""
        try:
            found = json_file.parse_object(text or "{}")
        except json_file.JsonError:
            return cls()
        written, keys = found.get("written"), found.get("keys")
        known = isinstance(written, dict) and all(isinstance(v, str) for v in written.values())
        return cls(written if known and written else {}, keys if isinstance(keys, dict) else {})


class SplitLists:
    """Writes the lists of the splits.

    Attributes:
        foreign: The files that another program has written and that stand in the way.
    """

    def __init__(self, core: DatasetCore, folder: Path, notify: Callable[[Notice], None]) -> None:
        self._core, self._folder, self._notify = core, folder, notify
        self._keys: tuple[ImageKey, ...] = ()
        self._synced: object = None
        self._last = -1e9
        self._failing = ""
        self.foreign: tuple[Path, ...] = ()
        self.pending = False
        """Lists of many images wait to be written."""

    def set_images(self, keys: tuple[ImageKey, ...]) -> None:
        """Replaces the list of images."""
        self._keys, self._synced = keys, None
        self.pending = True

    def advance(self, _seconds: float) -> None:
        """Writes the lists that wait."""
        self.sync(now=True)

    def sync(self, *, now: bool = False) -> None:
        """Writes the lists that differ from the splits. Never raises: it is tried again with the next change.

        Args:
            now: Also if they were written a moment ago.
        """
        core = self._core
        if core.read_only or core.in_memory:
            self.pending = False
            return
        hold = training_settings(core.setting).lists_hold
        version = None if hold == "done" else (core.rows, core.rows.splits.version, hold)
        if version is not None and version == self._synced:
            self.pending = False
            return
        splits = core.rows.splits.all()
        state = _State.read(core.setting(_STATE))
        if not splits and not state.written and not state.keys:
            self._synced, self.pending, self.foreign = version, False, ()
            return
        if not now and len(splits) > _MANY and monotonic() < self._last + _SECONDS:
            self.pending = True
            return
        before = state.text()
        try:
            self._write(splits, state, done_only=hold == "done")
            self._synced = version
        except (OSError, ValueError) as error:
            self._report(f"The lists of the splits cannot be written: {_why(error)}.")
        self._last, self.pending = monotonic(), False
        if state.text() != before:
            core.set_setting(_STATE, state.text())

    def blockers(self) -> tuple[Path, ...]:
        """Returns the files of other programs that stand, or would stand, in the way of the lists."""
        if self.foreign:
            return self.foreign
        state = _State.read(self._core.setting(_STATE))
        root = self._core.names.path.parent
        places = [root / name for name in self._names().values() if name not in state.written]
        return tuple(path for path in places if path.is_file())

    def replace_foreign(self) -> tuple[Path, ...]:
        """Replaces what another program has written; copies go to "replaced". Raises ``StoreError``."""
        self._core.check_writable()
        state = _State.read(self._core.setting(_STATE))
        replaced = self.foreign
        for path in replaced:
            content = copy_before_replacing(self._core, path)
            if path == self._core.names.path:
                state.keys.clear()
            elif content is not None:
                state.written[path.name] = _hash(content)
        self._core.set_setting(_STATE, state.text())
        self._synced = None
        self.sync(now=True)
        return replaced

    def _write(self, splits: Mapping[ImageKey, Split], state: _State, *, done_only: bool) -> None:
        names = self._names()
        root = self._core.names.path.parent
        texts = self._texts(splits, root, done_only=done_only)
        foreign = []
        for split in SPLITS:
            path = root / names[split]
            if not self._put(path, texts.get(split), state):
                foreign.append(path)
        wanted: dict[str, str] = {split: names[split] for split in texts}
        if "train" in wanted:
            wanted.setdefault("val", wanted["train"])
        self._core.names.lists = dict(wanted)
        if not foreign and not self._name(wanted, state):
            foreign.append(self._core.names.path)
        self.foreign = tuple(foreign)
        if foreign:
            which = ", ".join(path.name for path in foreign)
            self._report(
                f"{which}: not written by samdesk, so left alone; the splits in samdesk are not what the "
                "trainer reads. Assign the splits again to replace it; a copy is kept."
            )

    def _names(self) -> dict[Split, str]:
        """The file of each list; another one where an image has its label file in that place."""
        root = self._core.names.path.parent
        taken = {self._core.files.path(key) for key in self._keys if Path(key).stem in SPLITS}
        return {s: f"{s}-images.txt" if root / f"{s}.txt" in taken else f"{s}.txt" for s in SPLITS}

    def _texts(self, splits: Mapping[ImageKey, Split], root: Path, *, done_only: bool) -> dict[Split, str]:
        done = set(self._core.rows.keys("review = 'accepted'")) if done_only else None
        try:
            inside = self._folder.relative_to(root).as_posix()
            prefix = "./" if inside == "." else f"./{inside}/"
        except ValueError:
            prefix = f"{self._folder.as_posix()}/"
        lines: dict[Split, list[str]] = {}
        for key in self._keys:
            split = splits.get(key)
            if split is None:
                continue
            listed = lines.setdefault(split, [])
            if done is None or key in done:
                # The trainer replaces every "./" of a line that begins with one.
                line = f"{prefix}{key}"
                line = (self._folder / key).as_posix() if "./" in line[2:] and line[:2] == "./" else line
                listed.append(f"{line}\n")
        return {split: "".join(found) for split, found in lines.items()}

    def _put(self, path: Path, text: str | None, state: _State) -> bool:
        """Writes or deletes a list. Returns False if another program has written it."""
        real = self._core.files.boundary.real_path(path)
        on_disk = self._core.files.boundary.read(path, _MOST_BYTES) if real.exists() else None
        known = state.written.get(path.name)
        content = None if text is None else text.encode()
        ours = on_disk is None or known == _hash(on_disk)
        if on_disk != content and (content is None or on_disk is None or _hash(on_disk) != _hash(content)):
            if content is None and known is None:
                return True  # there is none of ours
            if not ours:
                return content is None
            if content is None:
                real.unlink(missing_ok=True)
            else:
                atomic.write_bytes(real, content)
        if content is None:
            state.written.pop(path.name, None)
        else:
            state.written[path.name] = _hash(content)
        return True

    def _name(self, wanted: Mapping[str, str], state: _State) -> bool:
        """Names the lists in data.yaml. Returns False if another program has changed what it names."""
        path = self._core.names.path
        real = self._core.files.boundary.real_path(path)
        if not real.exists():
            return True  # written with the first label
        text = read_text_of(path)
        content = load_mapping(text)
        root = str(content.get("path") or "")
        here = not root or Path(path.parent, root).resolve() == path.parent.resolve()
        values = {s: name if here else str(path.parent / name) for s, name in wanted.items()}
        changed: dict[str, Any] = {}
        removed: list[str] = []
        ours = {str(path.parent / f"{s}{tail}.txt") for s in SPLITS for tail in ("", "-images")}
        for split in SPLITS:
            key = next((k for k in content if str(k).lower() in SPLIT_KEYS[split] and content[k]), split)
            now = content.get(key)
            is_ours = isinstance(now, str) and str(path.parent / now) in ours
            if split in values:
                if now == values[split]:
                    state.keys.setdefault(key, None)
                    continue
                if not is_ours and key in state.keys:
                    return False
                state.keys.setdefault(key, None if is_ours else now)
                changed[key] = values[split]
            elif is_ours and key in state.keys:
                before = state.keys.pop(key)
                if before is None:
                    removed.append(key)
                else:
                    changed[key] = before
        if not wanted:
            state.keys.clear()
            removed = [key for key in removed if key == "test"]  # the trainer needs the others
            paths = self._core.names.planned_splits()
            still = (k for k in paths if k not in changed and isinstance(content.get(k), str))
            changed |= {k: paths[k] for k in still if str(path.parent / content[k]) in ours}
        if changed or removed:
            copy_before_replacing(self._core, path)
            after = edited(without_note(text), changed, removed)
            atomic.write_text(real, with_note(after))
        return True

    def _report(self, text: str) -> None:
        if text != self._failing:
            self._failing = text
            self._notify(Notice(TRAINING, text, str(self._core.names.path)))


def _hash(content: bytes) -> str:
    return hash_bytes(content.replace(b"\r\n", b"\n"))


def _why(error: Exception) -> str:
    if isinstance(error, StoreError):
        return str(error)
    return reason(error) if isinstance(error, OSError) else str(error)


def split_summary(splits: Mapping[ImageKey, Split], images: int) -> str:
    """Returns how many images are in which split, in words ("70 train, 20 val, 10 in no split")."""
    counts = {split: sum(found == split for found in splits.values()) for split in SPLITS}
    parts = [f"{counts[split]:,} {split}" for split in SPLITS if counts[split]]
    left = images - sum(counts.values())
    return ", ".join([*parts, *([f"{left:,} in no split"] if left else [])]) or counted(0, "image")
