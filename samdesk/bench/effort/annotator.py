"""The simulated annotator: makes an image right, always by the cheapest next gesture it can see to make.

It sees the object, the mask, and every preview the window shows (the mask under the cursor, a stroke under
the brush), so it knows beforehand what strokes, clicks on previewed masks, growing and polygons come to.
What the mask model answers to a correction it does not know: it expects a certain number of gestures
(``EXPECTED``) and tries it if nothing known is cheaper; it pays for what fails, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from samdesk.base.cv import cv2
from samdesk.bench.effort import outlines, workspace
from samdesk.bench.effort.cuts import cut_between
from samdesk.bench.effort.mask_session import MaskModel, MaskSession
from samdesk.bench.effort.matching import Matching, match
from samdesk.bench.effort.mouse import Mouse, zoom_for
from samdesk.bench.effort.patch import ScreenPatch
from samdesk.bench.effort.stroke_plan import PlannedStroke, plan_strokes
from samdesk.bench.effort.strokes import drawn
from samdesk.bench.effort.truth import IOU, TruthImage, TruthObject
from samdesk.bench.effort.workspace import Workspace
from samdesk.domain import edits
from samdesk.domain.annotation import AnnotationId, Source
from samdesk.domain.geometry import boolean, morphology, regions
from samdesk.domain.geometry.types import Region
from samdesk.domain.labels import LabelId
from samdesk.training.evaluate.simulate import correction_point

_SURE = IOU + 0.01
"""What is planned must be a little better than asked for: the mouse is not exact."""
EXPECTED = 6.0
"""Gestures that a correction with the mask model takes, as an annotator learns to expect: to open it, one
or two points, to accept it; and in half of the cases another correction."""
EXPECTED_AFTER_BOX = 1.5
"""Gestures that a mask from a box needs afterwards."""
_MOST_ROUNDS = 40
_GROW_STEPS = 4
_TIGHTEN_FROM, _TIGHTEN_TO = 0.5, 0.9
_MOST_DRAGS = 6
_WORTH_KEEPING = 0.01
_DIGITS = 9


@dataclass(frozen=True)
class Option:
    """A correction that could be made next.

    Attributes:
        cost: Gestures it takes until the object is right; expected ones where that cannot be seen.
        do: Makes its next step.
    """

    cost: float
    do: Callable[[], None]


class SimulatedAnnotator:
    """Makes one image right.

    Args:
        truth: The image as it should be.
        workspace: The document and the tools.
        model: The mask model with the image.
        mouse: How precise the annotator is.
    """

    def __init__(self, truth: TruthImage, workspace: Workspace, model: MaskModel, mouse: Mouse) -> None:
        self.truth, self.workspace, self.model, self.mouse = truth, workspace, model, mouse
        self.unfinished = 0

    def work(self) -> None:
        """Corrects everything and accepts the image; counts in ``unfinished`` what did not become right."""
        matching = match(self.workspace.document.annotations, self.truth)
        merged = self._merge(matching)
        pieces = self._cut(matching)
        self._remove([a.id for a in matching.false if a.id not in merged])
        for target, annotation in matching.relabel:
            self._relabel(annotation.id, target.label)
        found = [(target, annotation.id) for target, annotation in matching.pairs]
        todo: list[tuple[TruthObject, AnnotationId | None]] = [*found]
        todo += [(target, pieces.get(target)) for target in sorted(matching.missing, key=_by_label)]
        for target, annotation_id in todo:
            work = ObjectWork(self, target, annotation_id)
            self.unfinished += not work.finish()
        self.workspace.accept_image()

    # -- all at once

    def _remove(self, ids: list[AnnotationId]) -> None:
        """Selects what is false, and removes it with one key."""
        for annotation_id in ids:
            self.workspace.select(annotation_id, "remove")
        if ids:
            self.workspace.spend("remove")
            self.workspace.reject(ids)

    def _relabel(self, annotation_id: AnnotationId, label: str) -> None:
        self.workspace.select(annotation_id, "relabel")
        self.workspace.spend("relabel", 1 if self.workspace.tools.click_relabels else 2)
        self.workspace.edit(edits.relabel(self.workspace.document, [annotation_id], LabelId(label)))

    def _merge(self, matching: Matching) -> set[AnnotationId]:
        """Merges pieces of an object that together are right; returns those that are gone."""
        merged: set[AnnotationId] = set()
        if not self.workspace.tools.operations:
            return merged
        for target, annotation in matching.pairs:
            if regions.iou(annotation.region, target.region) >= IOU:
                continue
            for piece in matching.false:
                whole = boolean.union(annotation.region, piece.region)
                if piece.id not in merged and regions.iou(whole, target.region) >= IOU:
                    self.workspace.select(annotation.id, "merge")
                    self.workspace.spend("merge", 2)  # Shift+click on the other, and the key
                    self.workspace.reshape(annotation.id, whole)
                    self.workspace.edit(edits.remove([piece.id]))
                    merged.add(piece.id)
                    break
        return merged

    def _cut(self, matching: Matching) -> dict[TruthObject, AnnotationId]:
        """Cuts annotations of two objects in two by a stroke; returns the pieces of objects without one."""
        pieces: dict[TruthObject, AnnotationId] = {}
        if not self.workspace.tools.operations:
            return pieces
        for target, annotation in matching.pairs:
            for other in matching.missing:
                if other in pieces or other.label != target.label:
                    continue
                parts = cut_between(annotation.region, target, other, self.truth, self.mouse)
                if parts is None:
                    continue
                self.workspace.select(annotation.id, "cut")
                self.workspace.take_tool(workspace.CUT, "cut")
                self.workspace.spend("cut")
                self.workspace.reshape(annotation.id, parts[0])
                pieces[other] = self.workspace.add(parts[1], annotation.label_id)
                break
        return pieces


def _by_label(target: TruthObject) -> tuple[str, tuple[float, ...]]:
    return target.label, target.region.bounds


class ObjectWork:
    """Makes one object right."""

    def __init__(
        self, image: SimulatedAnnotator, target: TruthObject, annotation_id: AnnotationId | None
    ) -> None:
        self._target, self._id = target, annotation_id
        self._workspace, self._mouse, self._model = image.workspace, image.mouse, image.model
        self._hw = image.truth.image_hw
        self._zoom = zoom_for(target.region.bounds)
        self._tried: set[str] = set()
        self._label = LabelId(target.label)

    def finish(self) -> bool:
        """Corrects the object until it is right; False: it did not become so."""
        for _ in range(_MOST_ROUNDS):
            if self._iou(self._region) >= IOU:
                return True
            options = list(self._corrections() if self._id is not None else self._creations())
            if not options:
                return False
            min(options, key=lambda option: option.cost).do()
        return self._iou(self._region) >= IOU

    @property
    def _region(self) -> Region:
        found = self._workspace.document.find(self._id) if self._id is not None else None
        return regions.EMPTY if found is None else found.region

    def _iou(self, region: Region) -> float:
        return 0.0 if region.is_empty else regions.iou(region, self._target.region)

    # -- what can be done

    def _corrections(self) -> Iterator[Option]:
        select = self._workspace.cost_of_selecting(self._id)
        tools = self._workspace.tools
        if "points" not in self._tried:
            yield Option(EXPECTED + self._workspace.cost_of_tool(workspace.SELECT), self._add_points)
        if tools.operations:
            yield from self._key_operations(select)
        if tools.brush:
            yield from self._strokes(self._region, select)
        else:
            yield from self._drags(select)
        redraw = select + 1
        for option in self._creations():
            yield Option(redraw + option.cost, partial(self._redraw, option.do))

    def _creations(self) -> Iterator[Option]:
        """New annotations of the object."""
        label = self._workspace.cost_of_label(self._label)
        segment = label + self._workspace.cost_of_tool(workspace.SEGMENT)
        if "click" not in self._tried:
            best = self._previewed()
            if best is not None:
                at, index = best
                yield Option(segment + 2 + index, partial(self._click_new, at, index))
        if "box" not in self._tried:
            yield Option(segment + 2 + EXPECTED_AFTER_BOX, self._box_new)
        if self._workspace.tools.brush:
            yield from self._strokes(regions.EMPTY, label)
        polygon = outlines.fewest_vertices(self._target.region, _SURE + 0.02)
        if polygon is not None and "polygon" not in self._tried:
            clicks = outlines.clicks_of(polygon)
            cost = label + self._workspace.cost_of_tool(workspace.POLYGON) + clicks
            yield Option(cost, partial(self._polygon_new, polygon, clicks))

    def _key_operations(self, select: int) -> Iterator[Option]:
        region = self._region
        height, width = self._hw
        for pixels in (p * sign for p in range(1, _GROW_STEPS + 1) for sign in (1, -1)):
            grown = morphology.grow(region, pixels, width, height)
            if self._iou(grown) >= IOU:
                yield Option(select + abs(pixels), partial(self._reshape, grown, "grow, shrink", abs(pixels)))
                break
        filled = morphology.drop_specks(morphology.fill_holes(region), 0.05 * region.area)
        if self._iou(filled) >= IOU:
            yield Option(select + 1, partial(self._reshape, filled, "fill holes, drop specks", 1))

    def _strokes(self, region: Region, before: int) -> Iterator[Option]:
        """Brush and lasso; ``before`` is what it takes to begin."""
        patch = ScreenPatch.around([r for r in (region, self._target.region) if not r.is_empty], self._hw)
        mask, target = patch.raster(region), patch.raster(self._target.region)
        plan = plan_strokes(mask, target, patch, self._zoom, _SURE)
        if plan:
            cost, tool = float(before), None
            if region.is_empty and plan[0].radius:
                cost += self._workspace.cost_of_selecting(None)  # a brush paints on what is selected
            for stroke in plan:
                wanted = workspace.BRUSH if stroke.radius else workspace.LASSO
                cost += stroke.gestures
                cost += self._workspace.cost_of_tool(wanted) if tool is None else int(tool != wanted)
                tool = wanted
            yield Option(cost, partial(self._stroke, plan[0], region.is_empty))

    def _drags(self, select: int) -> Iterator[Option]:
        region, count, reached = self._region, 0, 0.0
        first = None
        while count < _MOST_DRAGS and reached < IOU:
            drag = outlines.best_drag(region, self._target.region)
            if drag is None or drag[1] <= reached:
                return
            region, reached = drag
            first = first or region
            count += 1
        if first is not None and reached >= IOU:
            on = self._workspace.cost_of_tool(workspace.SELECT)
            yield Option(select + on + count, partial(self._drag, first))

    # -- doing it

    def _reshape(self, region: Region, kind: str, gestures: int) -> None:
        assert self._id is not None
        self._workspace.select(self._id, kind)
        self._workspace.spend(kind, gestures)
        self._workspace.reshape(self._id, region)

    def _drag(self, region: Region) -> None:
        self._workspace.take_tool(workspace.SELECT, "vertices")
        self._reshape(region, "vertices", 1)

    def _stroke(self, stroke: PlannedStroke, is_new: bool) -> None:
        kind = "draw new" if is_new else "brush, lasso"
        if is_new:
            self._workspace.choose_label(self._label, kind)
            if stroke.radius:
                self._workspace.select(None, kind)
            self._id = None
        else:
            self._workspace.select(self._id, kind)
        self._workspace.take_tool(workspace.BRUSH if stroke.radius else workspace.LASSO, kind)
        self._workspace.spend(kind, stroke.gestures)
        after = drawn(self._region, stroke, self._mouse, self._zoom, self._hw)
        if not regions.is_drawable(after):
            return
        if self._id is None:
            self._id = self._workspace.add(after, self._label)
        else:
            self._workspace.reshape(self._id, after)

    def _redraw(self, create: Callable[[], None]) -> None:
        assert self._id is not None
        self._workspace.select(self._id, "redraw")
        self._workspace.spend("redraw")
        self._workspace.reject([self._id])
        self._id = None
        create()

    def _polygon_new(self, polygon: Region, clicks: int) -> None:
        self._tried.add("polygon")
        self._workspace.choose_label(self._label, "polygon")
        self._workspace.take_tool(workspace.POLYGON, "polygon")
        self._workspace.spend("polygon", clicks)
        placed = outlines.clicked(polygon, lambda points: self._mouse.clicks(points, self._zoom))
        self._id = self._workspace.add(placed, self._label)

    # -- with the mask model

    def _session(self) -> MaskSession:
        return MaskSession(self._model)

    def _previewed(self) -> tuple[tuple[float, float], int] | None:
        """A place and candidate whose mask, seen under the cursor, is right."""
        for at in self._places():
            for index, region in enumerate(self._model.preview(*at)):
                if self._iou(region) >= IOU:
                    return at, index
        return None

    def _places(self) -> Iterator[tuple[float, float]]:
        """Where the cursor is held: the middle of the object, and the middle of what is far from there."""
        patch = ScreenPatch.around([self._target.region], self._hw)
        room = np.pad(patch.raster(self._target.region), 1).astype(np.uint8)
        for _ in range(3):
            depth = cv2.distanceTransform(room, cv2.DIST_L2, 3)
            y, x = np.unravel_index(int(np.argmax(depth)), depth.shape)
            if depth[y, x] <= 0:
                return
            ((px, py),) = patch.to_image(np.array([[x - 0.5, y - 0.5]]))
            yield float(px), float(py)
            cv2.circle(room, (int(x), int(y)), max(1, round(1.5 * float(depth[y, x]))), 0, -1)

    def _click_new(self, at: tuple[float, float], index: int) -> None:
        self._tried.add("click")
        self._begin_new("new: mask model")
        session = self._session()
        self._workspace.spend("new: mask model", 1 + index)
        session.click(*self._mouse.click(*at, self._zoom))
        if index and index < session.candidates:
            session.choose(index)
        self._correct(session, "new: mask model", 0.0)

    def _box_new(self) -> None:
        self._tried.add("box")
        self._begin_new("new: mask model")
        session = self._session()
        self._workspace.spend("new: mask model")
        corners = np.array(self._target.region.bounds).reshape(2, 2)
        session.box(self._mouse.clicks(corners, self._zoom).reshape(4).tolist())
        self._correct(session, "new: mask model", 0.0)

    def _begin_new(self, kind: str) -> None:
        self._workspace.choose_label(self._label, kind)
        self._workspace.take_tool(workspace.SEGMENT, kind)

    def _add_points(self) -> None:
        """Opens the annotation, adds points, and accepts the mask or leaves the old one."""
        self._tried.add("points")
        annotation = self._workspace.document.find(self._id) if self._id is not None else None
        assert annotation is not None
        kind = "mask model"
        self._workspace.take_tool(workspace.SELECT, kind)
        self._workspace.spend(kind)  # the double-click
        self._workspace.take_opened(annotation.id)
        session = self._session()
        session.reopen(annotation.region, annotation.prompts)
        self._correct(session, kind, self._iou(annotation.region))

    def _correct(self, session: MaskSession, kind: str, before: float) -> None:
        """Adds points where the mask is most wrong while that helps; accepts the mask, or discards it."""
        for _ in range(self._workspace.tools.most_points):
            region = session.region
            now = 0.0 if region is None else self._iou(region)
            if now >= IOU or region is None or region.is_empty:
                break
            place = self._worst_place(region)
            if place is None:
                break
            self._workspace.spend(kind)
            session.click(*self._mouse.click(place[0], place[1], self._zoom), place[2])
            if session.region is None or self._iou(session.region) < now:
                self._workspace.spend(kind)  # undo the point
                session.undo()
                break
        region = session.region
        self._workspace.spend(kind)  # Enter, or Esc
        if region is None or not regions.is_drawable(region) or self._iou(region) < before + _WORTH_KEEPING:
            return
        if self._id is None:
            self._tried.add("points")  # tried just now
            self._id = self._workspace.add(region, self._label, Source.SAM, session.prompts)
        else:
            self._workspace.reshape(self._id, region, mask_score=session.score, stability=session.stability)

    def _worst_place(self, region: Region) -> tuple[float, float, bool] | None:
        patch = ScreenPatch.around([region, self._target.region], self._hw)
        found = correction_point(patch.raster(self._target.region), patch.raster(region))
        if found is None:
            return None
        ((x, y),) = patch.to_image(np.array([found[:2]]))
        return float(x), float(y), found[2]
