"""CLIP's tokenizer: text to the numbers that its text encoders read.

Text is cut into words, numbers and punctuation, and these are put together from bytes by the merges of CLIP's
published vocabulary (``resources/text``). Text that only differs in what typesetting adds, such as curly
quotes and ligatures, is the same text.
"""

from __future__ import annotations

import gzip
import html
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from samdesk.base import places
from samdesk.base.regular import read_bytes
from samdesk.engine.protocols import EngineError

CONTEXT = 77
"""Tokens of a text, with its start and its end; the rest of a longer text is cut off."""
_MERGES = 49_152 - 256 - 2
_BYTES = 4 << 20
_ENDINGS = ("'s", "'t", "'re", "'ve", "'m", "'ll", "'d")
_STRAIGHT = str.maketrans(
    dict.fromkeys("\u2018\u2019\u201a\u201b", "'") | dict.fromkeys("\u201c\u201d\u201e\u201f", '"')
)


def vocabulary() -> Path:
    """CLIP's vocabulary, part of every installation."""
    return places.resources() / "text" / "bpe_simple_vocab_16e6.txt.gz"


class Tokenizer:
    """CLIP's tokenizer; the vocabulary is read when it is first needed."""

    def tokens(self, texts: Sequence[str]) -> NDArray[np.int32]:
        """(N, CONTEXT) int32: each text between its start and its end, then zeros.

        Raises:
            EngineError: The vocabulary is missing or damaged.
        """
        found = np.zeros((len(texts), CONTEXT), np.int32)
        for row, text in zip(found, texts, strict=True):
            ids = [number for word in _words(_cleaned(text)) for number in self._word(word)][: CONTEXT - 2]
            row[: len(ids) + 2] = [self._start, *ids, self._start + 1]
        return found

    @property
    def _start(self) -> int:
        return 512 + len(self._ranks)

    def _word(self, word: str) -> list[int]:
        parts = [_LETTERS[byte] for byte in word.encode()]
        parts[-1] += "</w>"
        while len(parts) > 1:
            ranks = [self._ranks.get(pair, _MERGES) for pair in pairwise(parts)]
            best = min(ranks)
            if best == _MERGES:
                break
            first = parts[ranks.index(best)], parts[ranks.index(best) + 1]
            parts = _merged(parts, first)
        return [self._numbers[part] for part in parts]

    @cached_property
    def _ranks(self) -> dict[tuple[str, str], int]:
        path = vocabulary()
        try:
            lines = gzip.decompress(read_bytes(path, _BYTES)).decode().split("\n")[1 : _MERGES + 1]
            pairs = [tuple(line.split()) for line in lines]
            ranks = {(first, second): i for i, (first, second) in enumerate(pairs)}
        except (OSError, EOFError, ValueError) as error:
            raise EngineError(f"{path} is missing or damaged.", next="Install samdesk again.") from error
        return ranks

    @cached_property
    def _numbers(self) -> dict[str, int]:
        letters = [*_LETTERS_IN_ORDER, *(letter + "</w>" for letter in _LETTERS_IN_ORDER)]
        return {part: i for i, part in enumerate([*letters, *(a + b for a, b in self._ranks)])}


def _merged(parts: list[str], pair: tuple[str, str]) -> list[str]:
    merged: list[str] = []
    i = 0
    while i < len(parts):
        if tuple(parts[i : i + 2]) == pair:
            merged.append("".join(pair))
            i += 2
        else:
            merged.append(parts[i])
            i += 1
    return merged


def _byte_letters() -> list[tuple[int, str]]:
    """Every byte with the letter that stands for it in the vocabulary, in the order of its numbers."""
    shown = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in shown]
    return [*((b, chr(b)) for b in shown), *((b, chr(256 + i)) for i, b in enumerate(others))]


_LETTERS_IN_ORDER = [letter for _, letter in _byte_letters()]
_LETTERS = dict(_byte_letters())


def _cleaned(text: str) -> str:
    text = html.unescape(html.unescape(text)).translate(_STRAIGHT)
    text = "".join(unicodedata.normalize("NFKC", c) if _is_typesetting(c) else c for c in text)
    return " ".join(unicodedata.normalize("NFC", text).split()).lower()


def _is_typesetting(character: str) -> bool:
    """Whether it is a ligature, or a letter of the width of another script."""
    return "\ufb00" <= character <= "\ufb06" or "\uff01" <= character <= "\uffef"


def _words(text: str) -> Iterator[str]:
    at = 0
    while at < len(text):
        ending = next((e for e in _ENDINGS if text.startswith(e, at)), "")
        end = at + len(ending) if ending else _end(text, at)
        if not text[at].isspace():
            yield text[at:end]
        at = end


def _end(text: str, at: int) -> int:
    kind = _kind(text[at])
    end = at + 1
    while kind != "N" and end < len(text) and _kind(text[end]) == kind:
        end += 1
    return end


def _kind(character: str) -> str:
    """Letter (L), number (N), space or anything else."""
    kind = " " if character.isspace() else unicodedata.category(character)[0]
    return kind if kind in " LN" else "other"
