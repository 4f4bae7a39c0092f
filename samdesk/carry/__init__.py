"""Carrying objects along: where the objects of one image are on the next. No Qt, no torch, no files."""

from samdesk.carry.carry import MASK_DOUBTS, carry_objects, with_redrawn
from samdesk.carry.result import CarriedObject, LeftBehind

__all__ = ["MASK_DOUBTS", "CarriedObject", "LeftBehind", "carry_objects", "with_redrawn"]
