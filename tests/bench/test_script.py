"""What a hand does is the same each time it is asked, and nowhere twice."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from samdesk.bench.script import LEAST_OBJECTS, Hand, Script

OBJECTS = np.array([[10.0, 20, 110, 90], [150, 40, 260, 200], [3, 3, 9, 9]])
PHOTO = (240, 320)


def scripts(count: int = 4, seed: int = 0) -> list[Script]:
    hand = Hand(OBJECTS, PHOTO, seed)
    return [hand.script(5) for _ in range(count)]


def test_no_box_comes_twice() -> None:
    boxes = [g.box.xyxy for s in scripts() for g in s.gestures]
    boxes += [tuple(box) for s in scripts() for box in s.boxes]
    assert len(boxes) == len(set(boxes)) == 4 * (5 + 32)


def test_a_first_click_is_on_another_object_than_the_click_before() -> None:
    clicks = [g.click for s in scripts() for g in s.gestures]
    x0, y0, x1, y1 = OBJECTS[0]
    on_it = [x0 < c.x < x1 and y0 < c.y < y1 for c in clicks]
    assert not any(before and now for before, now in pairwise(on_it))
    assert len(set(clicks)) == len(clicks)


def test_all_of_it_is_on_the_photo() -> None:
    for script in scripts():
        for gesture in script.gestures:
            box = gesture.box
            assert 0 <= box.x0 < box.x1 <= 320
            assert 0 <= box.y0 < box.y1 <= 240
            assert box.x0 < gesture.correction.x < box.x1
            for point in (gesture.correction, gesture.click, *gesture.hover):
                assert 0 < point.x < 320
                assert 0 < point.y < 240


def test_the_same_seed_writes_the_same_script() -> None:
    assert scripts(seed=3)[1].gestures == scripts(seed=3)[1].gestures
    assert scripts(seed=3)[1].gestures != scripts(seed=4)[1].gestures


def test_a_photo_without_objects_has_random_boxes() -> None:
    hand = Hand(np.empty((0, 4)), (48, 64), 0)
    boxes = hand.script(1).boxes[:LEAST_OBJECTS]
    assert (boxes[:, 2] > boxes[:, 0]).all()
    assert (boxes <= [64, 48, 64, 48]).all()
