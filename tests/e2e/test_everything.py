"""Segment everything: masks to accept one by one or all."""

from __future__ import annotations

from PySide6.QtCore import Qt

from tests.helpers.desk import CONTROL, Person

K = Qt.Key


def propose(person: Person) -> int:
    person.key(K.Key_E, CONTROL)
    person.until(lambda: "proposed" in person.told)
    (button,) = [b for b in person.buttons if b.startswith("Accept all")]
    return int(button.split()[-1])


def test_accept_one_then_all(person: Person) -> None:
    person.add_labels("cat")
    count = propose(person)
    assert count > 5
    person.hands.click(160, 120)
    assert len(person.annotations) == 1
    assert person.annotations[0].region.centroid.distance(person.annotations[0].region) < 1
    person.press(f"Accept all {count - 1}")
    assert len(person.annotations) == count
    assert set(person.names) == {"cat"}
    person.key(K.Key_Z, CONTROL)
    assert len(person.annotations) == 1, "all at once are one step"


def test_proposals_are_discarded_by_the_user_or_another_image(person: Person) -> None:
    propose(person)
    person.press("Discard")
    person.click(160, 120)
    assert person.annotations == (), "the click is a prompt again"
    person.key(K.Key_Escape)
    count = propose(person)
    person.key(K.Key_D)
    person.until(lambda: person.shown == "1.png")
    assert f"Accept all {count}" not in person.buttons
    person.click(160, 120)
    assert person.annotations == ()


def test_escape_drops_the_proposals(person: Person) -> None:
    propose(person)
    person.key(K.Key_Escape)
    assert not any(b.startswith("Accept all") for b in person.buttons)
    person.click(160, 120)
    assert person.annotations == ()


def test_cancelled(person: Person) -> None:
    person.predictor.decoding.close()
    person.key(K.Key_E, CONTROL)
    person.predictor.decoding.wait_for_arrival()
    person.press("Cancel")
    person.predictor.decoding.open()
    person.until(lambda: "Segmenting" not in person.told)
    person.draw(160, 120)


def test_another_image_dismisses_the_message(person: Person) -> None:
    person.predictor.decoding.close()
    person.key(K.Key_E, CONTROL)
    person.predictor.decoding.wait_for_arrival()
    person.key(K.Key_D)
    person.predictor.decoding.open()
    person.until(lambda: person.shown == "1.png")
    assert "Segmenting" not in person.told
