"""Reads the elements of the lists in a large JSON file one at a time, in bounded memory.

``base.json_file`` reads a file at once, which takes about ten times its size in memory: too much for the
gigabyte of a COCO file with a million instances. Here one element is held at a time.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from samdesk.base.json_file import JsonError

LONGEST = 64 << 20
"""Bytes of one element. A mask of 100 megapixels has a few megabytes."""

_CHUNK = 1 << 20
_SPACE = " \t\n\r"
_UNFINISHED = "Unterminated string"
_MOST_KEYS = 1_000
_TAIL = 16
"""Characters from the end within which an error may be due to what has not been read yet ("fals")."""


@dataclass(frozen=True)
class Element:
    """An element of a list.

    Attributes:
        key: The list's key in the file's object; "" if the file is the list.
        index: Counted from 0 in its list.
        start: Of its text in the file, bytes.
        end: As ``start``.
        value: What it holds. Numbers may be infinite or NaN.
    """

    key: str
    index: int
    start: int
    end: int
    value: Any


def elements(file: BinaryIO, *, longest: int = LONGEST) -> Iterator[Element]:
    """Yields the elements of every list directly in the object that a file holds, or of the list that it is.

    Other values of the object are skipped.

    Raises:
        JsonError: The file is no JSON, or an element is longer than ``longest`` bytes. What was yielded
            before is right.
    """
    window = _Window(file, longest)
    first = window.next_char()
    if first == "[":
        yield from _list(window, "")
    elif first == "{":
        yield from _object(window)
    else:
        raise JsonError("it is no JSON object or list")
    if window.next_char():
        raise JsonError("it goes on after the end of its JSON")


def parse_element(data: bytes) -> Any:
    """Returns the value in the text of one element. Raises ``JsonError``."""
    try:
        return json.loads(data)
    except RecursionError as error:
        raise JsonError("it is nested too deeply") from error
    except ValueError as error:
        raise JsonError("it is not JSON") from error


def _object(window: _Window) -> Iterator[Element]:
    window.skip("{")
    if window.next_char() == "}":
        window.skip("}")
        return
    counts: dict[str, int] = {}
    while True:
        if window.next_char() != '"':
            raise window.error("a name is missing")
        key, _, _ = window.value()
        if len(counts) >= _MOST_KEYS:
            raise JsonError(f"it has more than {_MOST_KEYS:,} names")
        window.skip(":")
        if window.next_char() == "[":
            counts[key] = yield from _list(window, key, counts.get(key, 0))
        else:
            window.value()
            counts.setdefault(key, 0)
        if window.skip(",}") == "}":
            return


def _list(window: _Window, key: str, index: int = 0) -> Generator[Element, None, int]:
    """Returns the index after the last one."""
    window.skip("[")
    if window.next_char() == "]":
        window.skip("]")
        return index
    while True:
        value, start, end = window.value()
        yield Element(key, index, start, end, value)
        index += 1
        if window.skip(",]") == "]":
            return index


class _Window:
    """The part of a file that is being read, as text with one character for each byte.

    JSON's own characters are ASCII, so that a place in the text is one in the file. A value that has others
    is decoded again, as UTF-8.
    """

    def __init__(self, file: BinaryIO, longest: int) -> None:
        self._file = file
        self._longest = longest
        self._text = ""
        self._at = 0
        self._before = 0  # bytes of the file before the text
        self._ended = False
        self._decode = json.JSONDecoder().raw_decode
        self._read(_CHUNK)
        if self._text.startswith("\xef\xbb\xbf"):
            self._at = 3

    def _read(self, size: int) -> None:
        """Drops what has been read and appends up to ``size`` bytes."""
        data = self._file.read(size)
        self._before += self._at
        self._text = self._text[self._at :] + data.decode("latin-1")
        self._at = 0
        self._ended = not data

    def next_char(self) -> str:
        """Returns the next character that is no white space, without taking it; "" at the end."""
        while True:
            text, at, end = self._text, self._at, len(self._text)
            while at < end and text[at] in _SPACE:
                at += 1
            self._at = at
            if at < end:
                return text[at]
            if self._ended:
                return ""
            self._read(_CHUNK)

    def skip(self, wanted: str) -> str:
        """Takes the next character, which must be one of ``wanted``."""
        found = self.next_char()
        if not found or found not in wanted:
            raise self.error(f"{' or '.join(wanted)} is missing")
        self._at += 1
        return found

    def error(self, what: str) -> JsonError:
        """Returns the error of the place reached."""
        if self._ended and self._at >= len(self._text):
            return JsonError("it breaks off")
        return JsonError(f"it is not JSON: {what} at byte {self._before + self._at:,}")

    def value(self) -> tuple[Any, int, int]:
        """Takes the next value. Returns it with its place in the file."""
        if not self.next_char():
            raise self.error("a value is missing")
        more = _CHUNK
        while True:
            try:
                value, end = self._decode(self._text, self._at)
            except json.JSONDecodeError as error:
                self._check_unfinished(error)
            except RecursionError as error:
                raise JsonError("it is nested too deeply") from error
            except ValueError as error:  # an integer of thousands of digits
                raise JsonError("it has a number that is too large") from error
            else:
                if end < len(self._text) or self._ended:
                    return self._taken(value, end)
            if len(self._text) - self._at > self._longest:
                most = f"{self._longest >> 20} MB"
                raise JsonError(f"a value at byte {self._before + self._at:,} is larger than {most}")
            self._read(more)
            more *= 2

    def _check_unfinished(self, error: json.JSONDecodeError) -> None:
        """Raises ``JsonError`` unless the error may be due to what has not been read yet."""
        unfinished = error.msg.startswith(_UNFINISHED) or error.pos >= len(self._text) - _TAIL
        if not unfinished:
            where = self._before + error.pos
            raise JsonError(f"it is not JSON: {error.msg} at byte {where:,}") from error
        if self._ended:
            raise JsonError("it breaks off") from error

    def _taken(self, value: Any, end: int) -> tuple[Any, int, int]:
        start, self._at = self._at, end
        if not (text := self._text[start:end]).isascii():
            value = parse_element(text.encode("latin-1"))
        return value, self._before + start, self._before + end
