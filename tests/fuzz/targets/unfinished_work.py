"""Unfinished prompts and outlines, which the store keeps as JSON."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import shapely
from shapely.geometry import MultiPolygon, box

from samdesk.base.json_file import JsonError, parse_object
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.ui.annotations.unfinished_json import read_works
from tests.fuzz.mutate import mutate_text
from tests.fuzz.target import Target

_DOCUMENT = ImageDocument(ImageKey("0.png"), 120, 90)


def _seeds(_folder: Path) -> list[bytes]:
    region = base64.b64encode(shapely.to_wkb(MultiPolygon([box(10, 10, 50, 40)]))).decode()
    mask = {"points": [[12.5, 20, 1], [30, 30, 0]], "box": [1, 2, 50, 60], "reopened": None}
    works = {"segment": [{**mask, "region": region, "score": 0.9}], "polygon": [[1, 2], [30, 2.5]]}
    rectangle = {"tool": "rectangle", "works": {"rectangle": [1, 2, 30, 40]}}
    return [json.dumps({"0.png": {"tool": "segment", "works": works}, "b": rectangle}).encode()]


def _read(data: bytes, _folder: Path) -> None:
    try:
        values = parse_object(data)
    except JsonError:
        return  # as if nothing had been left
    for value in values.values():
        read_works(value, _DOCUMENT)


TARGET = Target(_seeds, _read, mutate_text)
