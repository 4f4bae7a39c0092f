"""Segment everything: masks to accept one by one or all."""

from __future__ import annotations

from PySide6.QtCore import Qt

from tests.helpers.desk import CONTROL, User

K = Qt.Key


def propose(user: User) -> int:
    user.key(K.Key_E, CONTROL)
    user.until(lambda: "proposed" in user.message_text)
    (button,) = [b for b in user.buttons if b.startswith("Accept all")]
    return int(button.split()[-1])


def test_accept_one_then_all(user: User) -> None:
    user.add_labels("cat")
    count = propose(user)
    colors = {shape.color.name() for shape in user.canvas._scene._proposed.shapes}
    assert len(colors) == count, "each in a colour of its own"
    assert count > 5
    user.mouse.click(160, 120)
    assert len(user.annotations) == 1
    assert user.annotations[0].region.centroid.distance(user.annotations[0].region) < 1
    user.press(f"Accept all {count - 1}")
    assert len(user.annotations) == count
    assert set(user.names) == {"cat"}
    user.key(K.Key_Z, CONTROL)
    assert len(user.annotations) == 1, "all at once are one step"


def test_proposals_are_discarded_by_the_user_or_another_image(user: User) -> None:
    propose(user)
    user.press("Discard")
    user.click(160, 120)
    assert user.annotations == (), "the click is a prompt again"
    user.key(K.Key_Escape)
    count = propose(user)
    user.key(K.Key_D)
    user.until(lambda: user.shown == "1.png")
    assert f"Accept all {count}" not in user.buttons
    user.click(160, 120)
    assert user.annotations == ()


def test_escape_drops_the_proposals(user: User) -> None:
    propose(user)
    user.key(K.Key_Escape)
    assert not any(b.startswith("Accept all") for b in user.buttons)
    user.click(160, 120)
    assert user.annotations == ()


def test_cancelled(user: User) -> None:
    user.predictor.decoding.close()
    user.key(K.Key_E, CONTROL)
    user.predictor.decoding.wait_for_arrival()
    user.press("Cancel")
    user.predictor.decoding.open()
    user.until(lambda: "Segmenting" not in user.message_text)
    user.draw(160, 120)


def test_another_image_dismisses_the_message(user: User) -> None:
    user.predictor.decoding.close()
    user.key(K.Key_E, CONTROL)
    user.predictor.decoding.wait_for_arrival()
    user.key(K.Key_D)
    user.predictor.decoding.open()
    user.until(lambda: user.shown == "1.png")
    assert "Segmenting" not in user.message_text
