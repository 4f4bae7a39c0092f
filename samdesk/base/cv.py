"""Imports OpenCV without its changes to Qt's environment, and without FFmpeg's messages.

opencv-python points Qt at its own plugins and fonts on import (QT_QPA_PLATFORM_PLUGIN_PATH,
QT_QPA_FONTDIR), which breaks PySide6; the variables are restored here. FFmpeg in it prints on the standard
error what it does not like in a video, unless this variable says otherwise when the first video is opened.
"""

from __future__ import annotations

import os
import sys
from typing import Any, BinaryIO

_VARIABLES = ("QT_QPA_PLATFORM_PLUGIN_PATH", "QT_QPA_FONTDIR")
_before = {name: os.environ.get(name) for name in _VARIABLES}
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # AV_LOG_QUIET

import cv2  # noqa: E402

for _name, _value in _before.items():
    if _value is None:
        os.environ.pop(_name, None)
    else:
        os.environ[_name] = _value

_imread = cv2.imread  # ultralytics may replace it by a function that knows less
COLOR_RGB: int | None = getattr(cv2, "IMREAD_COLOR_RGB", None)
"""``IMREAD_COLOR`` with the channels in the order RGB; None before OpenCV 4.11."""

DECODES_IN_PLACE = sys.platform == "linux" and COLOR_RGB is not None and "dst" in str(_imread.__doc__)
"""Whether ``decode_file`` works here."""


def decode_file(file: BinaryIO, flags: int, target: Any = None) -> Any:
    """Decodes an open file without a copy of the file or of the pixels, which ``imdecode`` makes.

    Args:
        file: The file. OpenCV opens it again by its number, so that no other file can be in its place.
        flags: OpenCV's.
        target: An array of the right shape to decode into, or None.

    Returns:
        The array, or None. If OpenCV did not recognise the file, ``target`` as it was.
    """
    return _imread(f"/proc/self/fd/{file.fileno()}", target, flags)


__all__ = ["COLOR_RGB", "DECODES_IN_PLACE", "cv2", "decode_file"]
