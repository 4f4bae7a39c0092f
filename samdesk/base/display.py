"""Whether Qt can show a window here, found out before Qt does: it ends the process where it cannot."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Mapping

from samdesk.base.errors import UserError

_LIBRARIES = (
    ("libxcb.so.1", "libxcb1", "libxcb"),
    ("libxcb-cursor.so.0", "libxcb-cursor0", "xcb-util-cursor"),
    ("libxcb-icccm.so.4", "libxcb-icccm4", "xcb-util-wm"),
    ("libxcb-image.so.0", "libxcb-image0", "xcb-util-image"),
    ("libxcb-keysyms.so.1", "libxcb-keysyms1", "xcb-util-keysyms"),
    ("libxcb-randr.so.0", "libxcb-randr0", "libxcb"),
    ("libxcb-render.so.0", "libxcb-render0", "libxcb"),
    ("libxcb-render-util.so.0", "libxcb-render-util0", "xcb-util-renderutil"),
    ("libxcb-shape.so.0", "libxcb-shape0", "libxcb"),
    ("libxcb-shm.so.0", "libxcb-shm0", "libxcb"),
    ("libxcb-sync.so.1", "libxcb-sync1", "libxcb"),
    ("libxcb-xfixes.so.0", "libxcb-xfixes0", "libxcb"),
    ("libxcb-xkb.so.1", "libxcb-xkb1", "libxcb"),
    ("libxkbcommon.so.0", "libxkbcommon0", "libxkbcommon"),
    ("libxkbcommon-x11.so.0", "libxkbcommon-x11-0", "libxkbcommon-x11"),
    ("libX11.so.6", "libx11-6", "libX11"),
    ("libX11-xcb.so.1", "libx11-xcb1", "libX11-xcb"),
    ("libEGL.so.1", "libegl1", "libglvnd-egl"),
    ("libGL.so.1", "libgl1", "libglvnd-glx"),
    ("libfontconfig.so.1", "libfontconfig1", "fontconfig"),
    ("libdbus-1.so.3", "libdbus-1-3", "dbus-libs"),
)
"""What Qt's X11 plugin needs of the system: library, package of Debian and Ubuntu, package of Fedora."""

_ELSEWHERE = "The other commands work without a window: see 'samdesk --help'."


class DisplayError(UserError):
    """No window can be shown here."""

    code = "display"


def has_display(environment: Mapping[str, str], platform: str) -> bool:
    """Returns whether there is a display to show a window on."""
    if platform in ("win32", "darwin"):
        return True
    return bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))


def check_display(
    environment: Mapping[str, str] = os.environ,
    platform: str = sys.platform,
    load: Callable[[str], ctypes.CDLL] = ctypes.CDLL,
) -> None:
    """Checks that Qt can show a window.

    A platform plugin chosen with ``QT_QPA_PLATFORM``, Wayland, Windows and macOS are left to Qt.

    Args:
        environment: Environment variables.
        platform: As ``sys.platform``.
        load: Loads a shared library of the system by name.

    Raises:
        DisplayError: There is no display, it cannot be reached, or libraries that Qt needs are not installed.
    """
    if environment.get("QT_QPA_PLATFORM") or not platform.startswith("linux"):
        return
    if not has_display(environment, platform):
        what = "There is no display to show a window on: neither DISPLAY nor WAYLAND_DISPLAY is set."
        raise DisplayError(what, next=_ELSEWHERE)
    if environment.get("WAYLAND_DISPLAY"):
        return
    missing = [row for row in _LIBRARIES if not _loads(load, row[0])]
    if missing:
        raise _libraries_missing(missing)
    display = environment["DISPLAY"]
    if display.startswith((":", "unix:")) and not _answers(
        load("libxcb.so.1"), display
    ):  # others may take long
        raise DisplayError(f"The display {display} (DISPLAY) cannot be opened.", next=_ELSEWHERE)


def _libraries_missing(missing: list[tuple[str, str, str]]) -> DisplayError:
    debian, fedora = (" ".join(dict.fromkeys(row[i] for row in missing)) for i in (1, 2))
    names = ", ".join(row[0] for row in missing)
    return DisplayError(
        f"The window needs libraries that are not installed: {names}.",
        next=f"On Debian and Ubuntu: 'sudo apt install {debian}'; on Fedora: 'sudo dnf install {fedora}'.",
    )


def _loads(load: Callable[[str], ctypes.CDLL], name: str) -> bool:
    try:
        load(name)
    except OSError:
        return False
    return True


def _answers(xcb: ctypes.CDLL, display: str) -> bool:
    """Whether the X server of a display accepts a connection."""
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connect.argtypes = (ctypes.c_char_p, ctypes.c_void_p)
    xcb.xcb_connection_has_error.argtypes = xcb.xcb_disconnect.argtypes = (ctypes.c_void_p,)
    connection = xcb.xcb_connect(os.fsencode(display), None)
    failed = bool(xcb.xcb_connection_has_error(connection))
    xcb.xcb_disconnect(connection)
    return not failed
