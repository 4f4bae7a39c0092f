"""Pillow's ``open``, whatever ultralytics has made of it.

Ultralytics replaces ``PIL.Image.open`` by a function that tries to install a package for a file that pillow
does not recognise.
"""

from __future__ import annotations

import sys
import warnings

from PIL import Image
from PIL.Image import open as _bound_here

open_image = getattr(sys.modules.get("ultralytics.utils.patches"), "_image_open", _bound_here)

warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")  # about damaged metadata
Image.MAX_IMAGE_PIXELS = None  # the limits are those of ``images.header``

__all__ = ["open_image"]
