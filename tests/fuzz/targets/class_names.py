"""data.yaml and lists of class names: read, then written with other names and read again."""

from __future__ import annotations

from pathlib import Path

from samdesk.base.errors import UserError
from samdesk.domain.labels import unique_names
from samdesk.formats.yolo import data_yaml
from samdesk.formats.yolo.names import UnreadableNamesError, read_list
from tests.fuzz.mutate import mutate_text
from tests.fuzz.target import SilentLossError, Target

_NEW = ("cat", "new: one", "yes", "0x10", "ä #1")


def _yaml_seeds(_folder: Path) -> list[bytes]:
    return [
        b"path: .\ntrain: images/train\nval: images/val\nnc: 2\nnames:\n  0: cat  # a pet\n  1: dog\n",
        b"names: [cat, 'dog', \"a b\"]\nkpt_shape: [17, 3]\ntrain: images\n",
        b"# mine\nnames:\n- cat\n- dog\nextra: {a: [1, 2]}\n",
        b"names: classes.txt\ntrain: [a, b]\r\n",
    ]


def _read_yaml(data: bytes, folder: Path) -> None:
    path = folder / "data.yaml"
    path.write_bytes(data)
    (folder / "classes.txt").write_text("cat\ndog\n")
    data_yaml.search_names(folder)
    try:
        names = data_yaml.read_yaml(path)
        old = data.decode("utf-8-sig")
        text = data_yaml.render(old, _NEW, {"train": "images", "val": "images"}, folder=folder)
    except (UnreadableNamesError, UnicodeDecodeError) as error:
        raise UserError(str(error)) from error
    except OSError as error:
        raise UserError(str(error.strerror)) from error
    unique_names(names)
    path.write_bytes(text.encode())
    written = data_yaml.read_yaml(path)
    if written[: len(_NEW)] != _NEW:
        raise SilentLossError(f"{written} was written in place of {_NEW}")


def _list_seeds(_folder: Path) -> list[bytes]:
    return [b"cat\ndog\n", b"\xef\xbb\xbfcat\r\n\r\ndog", "Hünd\nKatze\n".encode()]


def _read_list(data: bytes, folder: Path) -> None:
    (folder / "classes.txt").write_bytes(data)
    try:
        names = read_list(folder / "classes.txt")
    except UnreadableNamesError as error:
        raise UserError(str(error)) from error
    found = data_yaml.search_names(folder).found
    if (found.names if found else ()) != names:
        raise SilentLossError(f"{found} in place of {names}")
    unique_names(names)


YAML = Target(_yaml_seeds, _read_yaml, mutate_text)
LIST = Target(_list_seeds, _read_list, mutate_text)
