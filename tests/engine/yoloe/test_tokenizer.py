r"""CLIP's tokenizer beside the published one (clip-anytorch 2.6.0), whose answers are recorded here.

Run by hand against that package on 8,031 texts: words of its vocabulary, letters of six scripts, punctuation.
It differed on four: two with the reserved word "<|endoftext|>", two with \u0153 or \xdf beside other scripts.
"""

from __future__ import annotations

import hashlib

import pytest

from samdesk.engine.protocols import EngineError
from samdesk.engine.yoloe import tokenizer
from samdesk.engine.yoloe.tokenizer import CONTEXT, Tokenizer

RECORDED = (
    ("dog", [1929]),
    ("a red apple", [320, 736, 3055]),
    ("Traffic Light", [3399, 1395]),
    ("don't they're it'll I'd we've", [847, 713, 889, 982, 585, 1342, 328, 1896, 649, 1200]),
    ("x-ray 12.5mm", [343, 268, 3077, 272, 273, 269, 276, 2848]),
    ("Größe ÄÖÜ", [709, 7255, 127, 253, 324, 10896, 7255, 47177]),
    ("猫と犬", [163, 234, 104, 34671, 163, 232, 361]),
    ("🚗 car", [22783, 1615]),
    ("hot   dog\n stand", [2069, 1929, 2087]),
    ("½ cup Ⅷ", [33613, 1937, 158, 227, 371]),
    ("\u201cquoted\u201d \u2018it\u2019s\u2019", [257, 27706, 257, 262, 585, 568, 262]),
    ("\ufb01re \ufb02ag", [1769, 4859]),
    ("\uff26\uff35\uff2c\uff2c width", [1476, 23571]),
    ("e\u0301cole", [3459, 8166]),
    ("", []),
)


def test_texts_become_the_tokens_of_clip() -> None:
    found = Tokenizer().tokens([text for text, _ in RECORDED])
    for row, (text, expected) in zip(found.tolist(), RECORDED, strict=True):
        assert row == [49406, *expected, 49407] + [0] * (CONTEXT - 2 - len(expected)), text


def test_a_long_text_is_cut_off() -> None:
    (row,) = Tokenizer().tokens(["photo of a " * 40]).tolist()
    assert (len(row), row[0], row[-1]) == (77, 49406, 49407)


def test_the_vocabulary_is_the_published_one() -> None:
    digest = hashlib.sha256(tokenizer.vocabulary().read_bytes()).hexdigest()
    assert digest == "924691ac288e54409236115652ad4aa250f48203de50a9e4722a6ecd48d6804a"


def test_a_missing_vocabulary_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenizer, "vocabulary", lambda: tokenizer.places.cache() / "gone.gz")
    with pytest.raises(EngineError, match=r"gone\.gz is missing or damaged"):
        Tokenizer().tokens(["dog"])
