"""What stands in Qt's way is found before Qt ends the process."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import pytest

from samdesk.base.display import DisplayError, check_display

X11 = {"DISPLAY": ":987"}
PROCESS = ctypes.CDLL(None)


def installed_but(*missing: str) -> Callable[[str], ctypes.CDLL]:
    """A system where all but these libraries can be loaded."""

    def load(name: str) -> ctypes.CDLL:
        if name in missing:
            raise OSError(f"{name}: cannot open shared object file: No such file or directory")
        return ctypes.CDLL(name) if name == "libxcb.so.1" else PROCESS

    return load


def test_missing_libraries_are_named_with_their_packages() -> None:
    load = installed_but("libxcb-cursor.so.0", "libxcb-icccm.so.4", "libxcb-keysyms.so.1")
    with pytest.raises(DisplayError) as caught:
        check_display(X11, "linux", load)
    assert "libxcb-cursor.so.0, libxcb-icccm.so.4, libxcb-keysyms.so.1" in caught.value.what
    assert "sudo apt install libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1'" in caught.value.next
    assert "sudo dnf install xcb-util-cursor xcb-util-wm xcb-util-keysyms'" in caught.value.next


def test_a_package_that_holds_several_missing_libraries_is_named_once() -> None:
    with pytest.raises(DisplayError) as caught:
        check_display(X11, "linux", installed_but("libxcb-shm.so.0", "libxcb-sync.so.1"))
    assert "libxcb-shm0 libxcb-sync1" in caught.value.next
    assert "dnf install libxcb'" in caught.value.next


def test_no_display_is_an_error_in_words() -> None:
    with pytest.raises(DisplayError, match=r"no display .* neither DISPLAY nor WAYLAND_DISPLAY is set"):
        check_display({}, "linux", installed_but())


def test_a_display_that_does_not_answer_is_an_error_in_words() -> None:
    try:
        ctypes.CDLL("libxcb.so.1")
    except OSError:
        pytest.skip("needs libxcb")
    with pytest.raises(DisplayError, match=r"The display :987 .* cannot be opened"):
        check_display(X11, "linux", installed_but())


@pytest.mark.parametrize(
    ("environment", "platform"),
    [
        ({"QT_QPA_PLATFORM": "offscreen"}, "linux"),
        ({"WAYLAND_DISPLAY": "wayland-0", "DISPLAY": ":987"}, "linux"),
        ({}, "win32"),
        ({}, "darwin"),
    ],
)
def test_everything_else_is_left_to_qt(environment: dict[str, str], platform: str) -> None:
    check_display(environment, platform, installed_but("libxcb-cursor.so.0"))
