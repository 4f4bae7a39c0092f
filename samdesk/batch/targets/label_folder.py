"""A folder of YOLO label files beside a folder of images, and which of them a run of ours wrote."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from samdesk.base.atomic import write_text
from samdesk.domain.document import ImageKey
from samdesk.formats.registry import LabelFormat, label_format

MANIFEST = ".samdesk-runs.json"
"""File name -> SHA-256 of what a run wrote, in the label folder itself."""


class LabelFolder:
    """Where the labels of a folder of images are, without a store.

    Args:
        folder: The label folder; made when the first file is written.
        keys: The images.
        file_format: Of the label files; None: the default format.
    """

    def __init__(
        self, folder: Path, keys: Iterable[ImageKey], file_format: LabelFormat | None = None
    ) -> None:
        self.folder = folder
        self.format = file_format or label_format()
        self._owners: dict[str, ImageKey] = {}
        for key in keys:
            self._owners.setdefault(self._name(key), key)
        self._written = self._read_manifest()

    def path(self, key: ImageKey) -> Path:
        """The label file of an image."""
        return self.folder / self._name(key)

    def owner(self, key: ImageKey) -> ImageKey:
        """The image that this image's label file belongs to: another one if only the suffixes differ."""
        return self._owners.get(self._name(key), key)

    def read(self, key: ImageKey) -> str | None:
        """The text of an image's label file, None if there is none. Raises ``OSError``."""
        path = self.path(key)
        return path.read_bytes().decode("utf-8-sig", "replace") if path.exists() else None

    def ours(self, key: ImageKey) -> bool:
        """Whether the label file stands as a run wrote it. Raises ``OSError``."""
        path = self.path(key)
        known = self._written.get(self._name(key))
        return known is not None and path.exists() and known == _hash(path.read_bytes())

    def write(self, key: ImageKey, text: str, *, ours: bool) -> None:
        """Writes a label file whole or not at all. Raises ``OSError``.

        Args:
            key: The image.
            text: Its lines.
            ours: Whether a later run may replace the file: it holds nothing but what runs found.
        """
        path = self.path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text)
        if ours:
            self._written[self._name(key)] = _hash(path.read_bytes())
        else:
            self._written.pop(self._name(key), None)

    def save_manifest(self) -> None:
        """Remembers which files runs wrote; after a crash those of the last run count as a person's."""
        if self.folder.is_dir():
            write_text(self.folder / MANIFEST, json.dumps(self._written, indent=0, sort_keys=True) + "\n")

    def _read_manifest(self) -> dict[str, str]:
        try:
            found = json.loads((self.folder / MANIFEST).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}  # without it every file counts as a person's, which is safe
        return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}

    def _name(self, key: ImageKey) -> str:
        return str(PurePosixPath(key).with_suffix(self.format.suffix))


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
