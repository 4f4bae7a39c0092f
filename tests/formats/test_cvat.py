"""CVAT XML: its documented examples, broken and hostile files, and what is written."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from shapely.geometry import MultiPolygon, Polygon

from samdesk.domain.annotation import CROWD
from samdesk.domain.geometry import regions
from samdesk.formats.base import DeclaredLabels, ImageRecord, InstanceRecord, ReadProblem, WriteContext
from samdesk.formats.cvat import FORMAT
from samdesk.testing.memory import MemoryFiles, MemoryFolder

HEAD = """<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta>
    <task>
      <id>4</id>
      <labels>
        <label><name>car</name><color>#ff0000</color><attributes></attributes></label>
        <label><name>wheel</name><color>#00FF00</color><attributes></attributes></label>
      </labels>
      <original_size><width>640</width><height>480</height></original_size>
    </task>
    <dumped>2018-09-25 11:38:28.799808+03:00</dumped>
  </meta>
"""
IMAGE = """  <image id="0" name="a\\ü.jpg" width="160" height="120" subset="Train">
    <box label="car" xtl="10.5" ytl="10" xbr="20" ybr="30" occluded="1" z_order="4">
      <attribute name="plate">B-XY &amp; 1</attribute>
    </box>
    <box label="car" xtl="40" ytl="40" xbr="60" ybr="50" occluded="0" rotation="90.0"/>
    <polygon label="car" points="1,1;9,1;9,9" occluded="0" z_order="1" source="auto"></polygon>
    <polyline label="wheel" points="20.00,0.00;20.00,120.00" occluded="0"></polyline>
    <points label="wheel" points="50,50;80,80" occluded="0"></points>
    <ellipse label="wheel" cx="100" cy="60" rx="20" ry="10" occluded="0"/>
    <mask label="car" rle="1, 2, 3" left="5" top="6" width="3" height="2" occluded="0" z_order="9"/>
    <cuboid label="car" xtl1="10" ytl1="10" xbl1="10" ybl1="30" xtr1="30" ytr1="10" xbr1="30" ybr1="30"
      xtl2="15" ytl2="5" xbl2="15" ybl2="25" xtr2="35" ytr2="5" xbr2="35" ybr2="25"/>
    <skeleton label="car"><points label="1" points="5,5" outside="0"/><points label="2" points="9,20"/>
      <points label="3" points="90,90" outside="1"/></skeleton>
    <tag label="good_frame" source="manual"></tag>
  </image>
"""
TRACK = """  <track id="3" label="car">
    <polygon frame="6" points="305,237;312,207;352,206" outside="0" occluded="0" keyframe="1"></polygon>
    <polygon frame="7" points="305,237;312,207;352,206" outside="1" occluded="0" keyframe="1"></polygon>
  </track>
"""
END = "</annotations>\n"
RING = MultiPolygon([Polygon([(2, 2), (18, 2), (18, 12), (2, 12)], [[(5, 5), (9, 5), (9, 9), (5, 9)]])])
PARTS = MultiPolygon([Polygon([(1, 1), (4, 1), (4, 4), (1, 4)]), Polygon([(9, 9), (12, 9), (12, 12)])])


def items_of(text: str | bytes) -> list[Any]:
    data = text.encode() if isinstance(text, str) else text
    return list(FORMAT.read(MemoryFiles({"annotations.xml": data})))


def written(records: list[ImageRecord], **options: str) -> bytes:
    context = WriteContext(("car", "Müll"), ("#ff0000", "#00ff00"), options)
    folder = MemoryFolder()
    FORMAT.write.assemble([FORMAT.write.encode(record, context) for record in records], context, folder)
    (data,) = folder.files.values()
    return data


def test_every_shape_is_read() -> None:
    labels, image, frame = items_of(HEAD + IMAGE + TRACK + END)
    assert labels == DeclaredLabels(("car", "wheel"), ("#ff0000", "#00ff00"), "annotations.xml")
    assert (image.name, image.width, image.height, image.split) == ("a/ü.jpg", 160, 120, "train")
    assert dict(image.attributes) == {"tags": "good_frame"}
    by_shape: dict[str, list[InstanceRecord]] = {}
    for instance in image.instances:
        by_shape.setdefault(instance.shape, []).append(instance)
    bounds = {shape: [i.region.bounds for i in found] for shape, found in by_shape.items()}
    assert bounds == {
        "polygon": [(1, 1, 9, 9)],
        "box": [(45, 35, 55, 55), (10, 5, 35, 30), (10.5, 10, 20, 30)],
        "line": [(15, 0, 25, 120)],
        "point": [(45, 45, 85, 85)],
        "ellipse": [(80, 50, 120, 70)],
        "keypoints": [(5, 5, 9, 20)],
        "mask": [(6, 6, 8, 7)],
    }
    # The highest z_order is on top.
    assert [i.shape for i in image.instances][-2:] == ["box", "mask"]
    attributes = dict(image.instances[-2].attributes)
    assert attributes == {"occluded": True, "plate": "B-XY & 1", "z_order": 4}
    mask = regions.rasterize(image.instances[-1].region, 120, 160)[6:8, 5:8]
    assert np.array_equal(mask, [[False, True, True], [False, False, False]])
    assert (frame.name, frame.width, len(frame.instances)) == ("frame_000006", 640, 1)
    assert dict(frame.instances[0].attributes)["track_id"] == 3


def test_a_bad_shape_costs_only_itself() -> None:
    bad = [
        '<box label="car" xtl="1" ytl="x" xbr="3" ybr="4"/>',
        '<polygon label="car" points="1,1;2"/>',
        '<polygon label="car" points="1,1;2,2;nan,1"/>',
        '<polygon points="1,1;2,2;2,1"/>',
        '<mask label="car" rle="1, 2, 30" left="5" top="6" width="3" height="2"/>',
        '<mask label="car" rle="1" left="5" top="6" width="1e9" height="1e9"/>',
        '<blob label="car"/>',
    ]
    good = '<box label="car" xtl="1" ytl="1" xbr="3" ybr="4"/>'
    lines = "\n".join([*bad, good])
    items = items_of(
        f'<annotations><image name="a.jpg" width="9" height="9">\n{lines}\n</image></annotations>'
    )
    assert [i.record for i in items if isinstance(i, ReadProblem)] == [
        f"line {2 + n}" for n in range(len(bad))
    ]
    assert [len(i.instances) for i in items if isinstance(i, ImageRecord)] == [1]


@pytest.mark.parametrize(
    "hostile",
    [
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotations>&x;</annotations>',
        '<!DOCTYPE a [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><annotations>&b;</annotations>',
        "<annotations>" + "<a>" * 5000,
        "<html></html>",
        "",
        '<?xml version="1.0" encoding="nonsense"?><annotations/>',
    ],
)
def test_a_hostile_file_is_refused(hostile: str) -> None:
    (problem,) = items_of(hostile)
    assert isinstance(problem, ReadProblem)


def test_what_is_before_a_break_is_read() -> None:
    text = HEAD + IMAGE + IMAGE
    items = items_of(text[: len(text) - 30])
    assert [type(item).__name__ for item in items] == ["DeclaredLabels", "ImageRecord", "ReadProblem"]


@pytest.mark.parametrize("masks", ["auto", "polygons", "masks"])
def test_written_and_read_it_is_the_same_and_stays_so(masks: str) -> None:
    instances = (
        InstanceRecord("car", RING, score=0.25, note="a <b> & c", attributes=(("z_order", 7),)),
        InstanceRecord("car", regions.from_box(1, 1, 5, 5), shape="box", attributes=((CROWD, True),)),
        InstanceRecord("Müll", PARTS, attributes=(("occluded", True), ("plate", '"x"'))),
        InstanceRecord("Müll", regions.from_ring([(1, 1), (8.125, 1), (8, 8)])),
    )
    records = [ImageRecord("b/ü&.jpg", 40, 20, instances, split="val"), ImageRecord("a.jpg", 40, 20)]
    data = written(records, masks=masks)
    read = [item for item in items_of(data) if isinstance(item, ImageRecord)]
    assert written(read, masks=masks) == data
    assert items_of(data)[0] == DeclaredLabels(("car", "Müll"), ("#ff0000", "#00ff00"), "annotations.xml")
    first = read[0]
    assert (first.name, first.split, read[1].name) == ("b/ü&.jpg", "val", "a.jpg")
    assert [i.label for i in first.instances] == ["car", "car", "Müll", "Müll"]
    ring, crowd, parts, _ = first.instances
    assert (ring.score, ring.note, crowd.is_crowd, crowd.shape) == (0.25, "a <b> & c", True, "box")
    assert dict(parts.attributes) == {"occluded": True, "plate": '"x"', "source": "manual", "z_order": 7}
    assert regions.iou(ring.region, RING) == 1.0
    wanted = regions.rasterize(PARTS, 20, 40)
    assert np.array_equal(regions.rasterize(parts.region, 20, 40), wanted)


def test_it_is_recognised() -> None:
    assert FORMAT.recognise("annotations.xml", HEAD.encode())
    assert not FORMAT.recognise("a.xml", b"<annotation><folder>x</folder>")
