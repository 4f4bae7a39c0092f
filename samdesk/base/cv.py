"""Imports OpenCV without its changes to Qt's environment.

opencv-python points Qt at its own plugins and fonts on import (QT_QPA_PLATFORM_PLUGIN_PATH,
QT_QPA_FONTDIR), which breaks PySide6; the variables are restored here.
"""

from __future__ import annotations

import os

_VARIABLES = ("QT_QPA_PLATFORM_PLUGIN_PATH", "QT_QPA_FONTDIR")
_before = {name: os.environ.get(name) for name in _VARIABLES}

import cv2  # noqa: E402

for _name, _value in _before.items():
    if _value is None:
        os.environ.pop(_name, None)
    else:
        os.environ[_name] = _value

__all__ = ["cv2"]
