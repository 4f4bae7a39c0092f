"""Reads XML an element at a time, in bounded memory.

A document type is refused, and with it entities: none is expanded and nothing outside the file is asked for.
That is all that ``defusedxml`` would add to the parser of Python's library, which has no need of it then.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO
from xml.parsers import expat

MOST_DEPTH = 32
MOST_NODES = 2_000_000
"""Of one child of the root, its descendants included."""
LONGEST = 64 << 20
"""Characters of one child of the root, in attributes and text."""

_CHUNK = 1 << 16


class XmlError(ValueError):
    """A file is not the XML that was expected; the message says why, in words that follow the file's name."""


@dataclass(eq=False)
class Node:
    """An element.

    Attributes:
        tag: Its name.
        attributes: By name.
        children: The elements in it.
        text: All text directly in it, stripped.
        line: Where it begins in the file.
    """

    tag: str
    attributes: dict[str, str]
    line: int = 0
    children: list[Node] = field(default_factory=list)
    text: str = ""

    def child(self, tag: str) -> Node | None:
        """The first child of a name."""
        return next((child for child in self.children if child.tag == tag), None)

    def text_of(self, tag: str) -> str:
        """The text of the first child of a name; "" if there is none."""
        child = self.child(tag)
        return child.text if child else ""

    def all(self, tag: str) -> list[Node]:
        """The children of a name."""
        return [child for child in self.children if child.tag == tag]


def children(file: BinaryIO, roots: tuple[str, ...]) -> Iterator[Node]:
    """Yields the children of the root one after another, each with all that is in it.

    Args:
        file: The file.
        roots: What the root may be.

    Raises:
        XmlError: It is no XML, has a document type, another root, or is too deep or too large. What was
            yielded before is right.
        OSError: The file cannot be read.
    """
    builder = _Builder(roots)
    while True:
        data = file.read(_CHUNK)
        try:
            builder.parser.Parse(data, not data)
        except expat.ExpatError as error:
            yield from builder.take()
            raise XmlError(
                f"it is not XML: {expat.ErrorString(error.code)} in line {error.lineno}"
            ) from error
        except XmlError:
            yield from builder.take()
            raise
        except (ValueError, LookupError) as error:  # an encoding that Python does not have
            raise XmlError("it is in an encoding that is not known") from error
        yield from builder.take()
        if not data:
            return


class _Builder:
    """Makes nodes of what expat finds."""

    def __init__(self, roots: tuple[str, ...]) -> None:
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.StartDoctypeDeclHandler = self._refuse
        self._roots = roots
        self._open: list[tuple[Node, list[str]]] = []
        self._done: list[Node] = []
        self._nodes = self._characters = 0

    def take(self) -> list[Node]:
        """Returns the children of the root that are whole."""
        done, self._done = self._done, []
        return done

    def _refuse(self, *_: object) -> None:
        raise XmlError("it has a document type, which is not read")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        depth = len(self._open)
        if depth == 0 and tag not in self._roots:
            raise XmlError(f"it is an XML file of {tag[:40]!r}, not of {' or '.join(self._roots)}")
        if depth >= MOST_DEPTH:
            raise XmlError("it is nested too deeply")
        if depth <= 1:
            self._nodes = self._characters = 0
        self._nodes += 1
        self._count(sum(map(len, attributes.values())))
        if self._nodes > MOST_NODES:
            raise XmlError(f"an element has more than {MOST_NODES:,} others in it")
        node = Node(tag, attributes, self.parser.CurrentLineNumber)
        if depth >= 2:
            self._open[-1][0].children.append(node)
        self._open.append((node, []))

    def _end(self, _: str) -> None:
        node, text = self._open.pop()
        node.text = "".join(text).strip()
        if len(self._open) == 1:
            self._done.append(node)

    def _text(self, text: str) -> None:
        if len(self._open) > 1:
            self._count(len(text))
            self._open[-1][1].append(text)

    def _count(self, characters: int) -> None:
        self._characters += characters
        if self._characters > LONGEST:
            raise XmlError(f"an element is larger than {LONGEST >> 20} MB")
