"""Models of other packages: found by name, checked at the boundary, named when they fail."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import samdesk
from samdesk.base.jobs import Cancelled
from samdesk.domain.prompts import PointPrompt, PromptSet
from samdesk.engine.families import describe
from samdesk.engine.models.doctor import diagnose
from samdesk.engine.models.load import default_detector, default_model, load_detector, load_predictor
from samdesk.engine.models.plugins import DETECTORS, PREDICTORS, added_models
from samdesk.engine.protocols import EngineError, OutOfMemory, Replicable
from samdesk.testing.pictures import picture
from tests.helpers.packages import EXAMPLES, entry_points_of, install

CLICK = PromptSet((PointPrompt(45.0, 36.0),))
BROKEN = """
import sys
from dataclasses import replace
import samdesk_blobs
from samdesk.base.jobs import Cancelled
from samdesk.engine.protocols import EngineError

class Any_(samdesk_blobs.BlobDetector):
    def __init__(self, act):
        self.act = act
    def detect(self, images, **options):
        return self.act(super().detect(images, **options), images)

def exits(found, images):
    raise SystemExit(3)
def own_words(found, images):
    raise EngineError("The blobs are shy.", next="Try again.")
def paints(found, images):
    images[0][:] = 0
    return found
def memory(found, images):
    raise MemoryError
def cancelled(found, images):
    raise Cancelled
def nan(found, images):
    return [[replace(one, score=float("nan")) for one in some] for some in found]
def outside(found, images):
    return [[replace(one, x1=one.x1 + 1000) for one in some] for some in found]
def short(found, images):
    return found[1:]

for act in (exits, own_words, paints, memory, cancelled, nan, outside, short):
    globals()["det_" + act.__name__] = lambda device, precision, act=act: Any_(act)

def no_model(device, precision):
    return object()
def leaves(device, precision):
    sys.exit("bye")

class Predictor(samdesk_blobs.FloodFillPredictor):
    def predict(self, embedding, prompts, *, multimask=True):
        raise SystemExit(4)
    def predict_boxes(self, embedding, boxes):
        return samdesk_blobs.FloodFillPredictor().predict_boxes(embedding, boxes)[1:]
    def predict_points(self, embedding, points):
        yield from super().predict_points(embedding, points[:1])
    def replica(self, threads):
        return samdesk_blobs.FloodFillPredictor()

def predictor(device, precision):
    return Predictor()
number = 5
"""


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, samdesk_home: Path) -> Path:
    """The example, and a package that is broken in many ways."""
    install(tmp_path, "samdesk-blobs", entry_points_of("samdesk-blobs"))
    acts = ("exits", "own_words", "paints", "memory", "cancelled", "nan", "outside", "short")
    detectors = {name: f"broken_models:det_{name}" for name in acts}
    detectors |= {"no-model": "broken_models:no_model", "leaves": "broken_models:leaves"}
    detectors |= {"number": "broken_models:number", "gone": "no_such_module:detector"}
    detectors |= {"import-exits": "exits_at_import:detector"}
    detectors |= {"yolo11s": "broken_models:det_nan", "blobs": "broken_models:det_nan"}
    detectors |= {"a/b": "broken_models:det_nan"}
    predictors = {"wrong": "broken_models:predictor", "Flint": "broken_models:predictor"}
    install(tmp_path, "zz-broken", {DETECTORS: detectors, PREDICTORS: predictors}, "0.1")
    (tmp_path / "broken_models.py").write_text(BROKEN)
    (tmp_path / "exits_at_import.py").write_text("raise SystemExit(5)\n")
    monkeypatch.syspath_prepend(str(EXAMPLES / "samdesk-blobs"))
    monkeypatch.syspath_prepend(str(tmp_path))
    for module in ("samdesk_blobs", "broken_models"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    return tmp_path


def test_listing_imports_nothing_and_names_what_cannot_be_chosen(packages: Path) -> None:
    added = added_models()
    assert "samdesk_blobs" not in sys.modules
    assert [p.origin for p in added.detectors if p.name == "blobs"] == ["samdesk-blobs 1.0"]
    assert [p.name for p in added.predictors] == ["flood-fill", "wrong"]
    texts = " ".join(map(str, added.problems))
    for name, reason in (
        ("'yolo11s'", "has the name of a model of samdesk"),
        ("'blobs'", "has the name of a model of samdesk-blobs 1.0"),
        ("'a/b'", "has a name that cannot be typed"),
        ("'Flint'", "has the name of a model of samdesk"),
    ):
        assert f"{name} of the package zz-broken {reason}" in texts
    assert (default_model(), default_detector()) == ("flint", "flint")


def test_a_detector_is_loaded_by_its_name(packages: Path) -> None:
    detector = samdesk.load_detector("blobs", "cpu")
    info = detector.info
    assert (info.name, info.title, info.path, info.package) == ("blobs", "Blobs", "", "samdesk-blobs 1.0")
    assert info.key == "blobs:samdesk-blobs 1.0"
    assert describe(detector) == info
    (found,) = detector.detect([picture(120, 180)])
    assert found
    assert found == sorted(found, key=lambda d: -d.score)
    assert detector.detect([]) == []


def test_a_predictor_is_loaded_by_its_name(packages: Path) -> None:
    predictor = samdesk.load_predictor("flood-fill", "cpu")
    assert not isinstance(predictor, Replicable)
    embedding = predictor.encode(picture(120, 180))
    assert (embedding.model, embedding.image_hw) == (predictor.info.key, (120, 180))
    assert not predictor.predict(embedding, CLICK)[0].region().is_empty
    assert len(predictor.predict_boxes(embedding, np.array([[30, 20, 60, 50.0]]))) == 1
    assert [len(masks) for masks in predictor.predict_points(embedding, np.array([[45, 36.0]]))] == [3]
    assert predictor.predict(embedding, PromptSet()) == []
    with pytest.raises(EngineError, match="Encode it again"):
        load_predictor("flint", "cpu").predict(embedding, CLICK)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("no-model", "is object, which is no detector: it has no 'info'"),
        ("leaves", "failed while loading (SystemExit: bye)"),
        ("number", "is int, not a function"),
        ("gone", "cannot be loaded (ModuleNotFoundError"),
        ("import-exits", "cannot be loaded (SystemExit: 5)"),
    ],
)
def test_one_that_cannot_be_loaded_is_named(packages: Path, name: str, words: str) -> None:
    with pytest.raises(EngineError) as caught:
        load_detector(name, "cpu")
    assert f"'{name}' of the package zz-broken {words}" in str(caught.value)
    assert "Update" in caught.value.next


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("exits", EngineError, "failed while finding objects (SystemExit: 3)"),
        ("own_words", EngineError, ": The blobs are shy. Try again."),
        ("paints", EngineError, "ValueError: assignment destination is read-only"),
        ("memory", OutOfMemory, "ran out of memory while finding objects"),
        ("nan", EngineError, "returned what no model may: a score is nan, not 0..1"),
        ("outside", EngineError, "a box lies outside the image of 180 x 120 pixels"),
        ("short", EngineError, "it returned 0 lists for 1 images"),
    ],
)
def test_what_a_detector_does_wrong_is_named(
    packages: Path, name: str, kind: type[EngineError], words: str
) -> None:
    detector = load_detector(name, "cpu")
    image = picture(120, 180)
    with pytest.raises(kind) as caught:
        detector.detect([image])
    assert f"'{name}' of the package zz-broken" in str(caught.value)
    assert words in str(caught.value)
    assert (image == picture(120, 180)).all()


def test_what_a_predictor_does_wrong_is_named(packages: Path) -> None:
    predictor = load_predictor("wrong", "cpu")
    embedding = predictor.encode(picture(120, 180))
    boxes = np.array([[30, 20, 60, 50.0], [1, 2, 30, 40]])
    with pytest.raises(EngineError, match=r"'wrong' of the package zz-broken failed .*SystemExit: 4"):
        predictor.predict(embedding, CLICK)
    with pytest.raises(EngineError, match=r"zz-broken returned .*: it drew 1 masks in 2 boxes"):
        predictor.predict_boxes(embedding, boxes)
    with pytest.raises(EngineError, match=r"zz-broken .*SystemExit: 4"):
        list(predictor.predict_points(embedding, boxes[:, :2]))
    assert isinstance(predictor, Replicable)
    replica = predictor.replica(1)
    assert replica.info == predictor.info
    assert replica.predict(embedding, CLICK), "it takes the embeddings of the first one"


def test_cancelled_is_no_error(packages: Path) -> None:
    with pytest.raises(Cancelled):
        load_detector("cancelled", "cpu").detect([picture(120, 180)])

    def pause() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        load_predictor("flood-fill", "cpu").encode(picture(120, 180), pause=pause)


def test_a_name_of_the_other_kind_and_one_that_is_gone_are_explained(packages: Path) -> None:
    with pytest.raises(EngineError, match=r"'blobs' of the package samdesk-blobs finds boxes"):
        load_predictor("blobs")
    with pytest.raises(EngineError, match=r"'flood-fill' of the package samdesk-blobs draws masks"):
        load_detector("flood-fill")
    with pytest.raises(EngineError, match="If it was of a plug-in, install its package again"):
        load_predictor("was-here")
    with pytest.raises(EngineError, match="There is no device"):
        load_predictor("flood-fill", "warp-drive")


def test_a_file_comes_before_a_plug_in(packages: Path, samdesk_home: Path) -> None:
    (samdesk_home / "weights").mkdir(exist_ok=True)
    (samdesk_home / "weights" / "blobs").write_bytes(b"no weights")
    assert "'blobs' of the package samdesk-blobs has the name of a model file" in str(added_models().problems)
    with pytest.raises(EngineError, match="is not a PyTorch checkpoint"):
        load_detector("blobs", "cpu")


def test_one_bad_image_costs_that_image(packages: Path, tmp_path: Path) -> None:
    from PIL import Image

    folder = tmp_path / "images"
    folder.mkdir()
    for i, size in enumerate(((180, 120), (64, 48))):
        Image.fromarray(picture(size[1], size[0])).save(folder / f"{i}.png")
    (packages / "broken_models.py").write_text(
        BROKEN.replace(
            "raise SystemExit(3)", "return nan(found, images) if images[0].shape[0] == 48 else found"
        )
    )
    summary = samdesk.auto_annotate(folder, "exits", "flood-fill", "cpu", tmp_path / "labels")
    assert [failure.key for failure in summary.failed] == ["1.png"]
    assert "'exits' of the package zz-broken returned" in summary.failed[0].message
    assert (tmp_path / "labels" / "0.txt").read_text().strip()


def test_doctor_lists_each_and_whether_it_loads(packages: Path) -> None:
    install(packages, "samdesk-box-lines", entry_points_of("samdesk-box-lines"))
    report = diagnose("flint", "cpu", {})
    assert report.sound
    lines: Sequence[Any] = report.text.splitlines()
    assert any("detector" in x and "blobs" in x and "samdesk-blobs 1.0" in x and "loads" in x for x in lines)
    assert any("predictor" in x and "flood-fill" in x and "loads" in x for x in lines)
    for name, words in (("import-exits", "SystemExit: 5"), ("box-lines", "ModuleNotFoundError")):
        assert any(name in line and words in line for line in lines), name
    assert "'Flint' of the package zz-broken has the name of a model of samdesk" in report.text


def test_the_command_line_takes_and_names_them(packages: Path, tmp_path: Path) -> None:
    from PIL import Image
    from typer.testing import CliRunner

    from samdesk.batch.plan import AutoAnnotatePlan
    from samdesk.batch.shards.model_files import model_files
    from samdesk.cli.main import cli

    (tmp_path / "images").mkdir()
    Image.fromarray(picture(120, 180)).save(tmp_path / "images" / "0.png")
    base = ["annotate", str(tmp_path / "images"), "--sam-model", "flood-fill"]
    done = CliRunner().invoke(cli, [*base, "--det-model", "blobs", "--output-dir", str(tmp_path / "labels")])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "labels" / "0.txt").read_text().strip()
    failed = CliRunner().invoke(cli, [*base, "--det-model", "leaves", "--output-dir", str(tmp_path / "none")])
    assert failed.exit_code == 2
    output = failed.output.replace("\n", " ")
    assert "'leaves' of the package zz-broken failed while loading (SystemExit: bye)" in output
    filled = CliRunner().invoke(cli, ["cache", "fill", str(tmp_path / "images"), "--model", "flood-fill"])
    assert "Flood fill is a plug-in, which has no cache on disk; nothing to do." in filled.output
    plan = AutoAnnotatePlan(det_model="blobs", sam_model="flood-fill")
    assert model_files(plan) == (("blobs", "samdesk-blobs 1.0"), ("flood-fill", "samdesk-blobs 1.0"))


def test_one_can_be_evaluated(packages: Path) -> None:
    from samdesk.training.evaluate.baselines import load_model_or_baseline

    assert load_model_or_baseline("flood-fill").info.package == "samdesk-blobs 1.0"
