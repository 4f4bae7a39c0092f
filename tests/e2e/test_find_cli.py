"""``samdesk annotate --find`` and ``samdesk evaluate --find`` with a real YOLOE, whose weights are seeded."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from samdesk.base import places
from samdesk.cli.main import cli
from samdesk.dataset import queries
from samdesk.dataset.dataset import Dataset
from samdesk.domain.annotation import Annotation, new_annotation_id
from samdesk.domain.document import ImageKey
from samdesk.domain.edits import Transaction, add, by_user
from samdesk.domain.geometry.regions import from_box
from samdesk.domain.geometry.types import RgbImage
from tests.dataset.dataset_kit import with_labels
from tests.helpers.make import photo
from tests.helpers.seeded_yoloe import TEXT_TOWER, save_text_tower, save_yoloe

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.*deprecated:FutureWarning")
MODEL = "yoloe-11n-seg.pt"
RED, BLUE = (16.0, 24.0, 64.0, 84.0), (88.0, 36.0, 136.0, 96.0)
FAST = ("--from", "segmenter", "--imgsz", 96, "--conf", 0.02, "--max-det", 9)
IMAGES = ("00", "01", "11")
"""The last is held out, by the hash of its name."""
LINES = "0 0.1 0.2 0.4 0.2 0.4 0.7 0.1 0.7\n1 0.55 0.3 0.85 0.3 0.85 0.8 0.55 0.8\n"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of weights: network and text tower."""
    folder = tmp_path_factory.mktemp("yoloe")
    save_yoloe(folder / MODEL)
    save_text_tower(folder)
    return folder


@pytest.fixture
def installed(files: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The weights folder with the network; nothing may reach a network or start a process from here on."""

    def forbidden(*_: Any, **__: Any) -> Any:
        raise AssertionError("a socket or a process")

    for module, names in ((socket, ("socket", "getaddrinfo")), (subprocess, ("Popen",)), (os, ("system",))):
        for name in names:
            monkeypatch.setattr(module, name, forbidden)
    places.weights().mkdir(parents=True, exist_ok=True)
    shutil.copy(files / MODEL, places.weights())
    return places.weights()


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """A dataset with an accepted "apple" and "sky" on its second image."""
    folder = tmp_path / "data"
    for number in range(3):
        photo(folder / f"{number}.png", 160, 120, seed=number)
    with closing(Dataset.open(folder)) as opened:
        labels = with_labels(opened, "apple", "sky").labels
        drawn = [
            Annotation(new_annotation_id(), label.id, from_box(*box))
            for label, box in zip(labels, (RED, BLUE), strict=True)
        ]
        key = ImageKey("1.png")
        opened.commit(Transaction("Draw", ((key, by_user(add(drawn), opened.load(key))),)))
    return folder


def run(command: str, *arguments: str | float | Path, expected: int = 0) -> str:
    result = CliRunner().invoke(cli, [command, *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == expected, result.output
    return " ".join(result.output.split())


def found(folder: Path) -> dict[str, list[tuple[str, tuple[float, ...], float | None]]]:
    """Label, bounds and score of what is on each image."""
    with closing(Dataset.open(folder)) as opened:
        names = {label.id: label.name for label in opened.labels}
        return {
            key: [
                (names[a.label_id], a.region.bounds, a.detector_score) for a in opened.load(key).annotations
            ]
            for key in opened.keys
        }


def test_a_second_run_finds_the_same_without_a_pass_for_its_prompts(
    dataset: Path, tmp_path: Path, installed: Path, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(files / TEXT_TOWER, installed)
    copies = [shutil.copytree(dataset, tmp_path / name) for name in ("a", "b")]
    wanted = ("--find", "apple=", "--find", "sky=blue sky, sky", "--examples", 2)
    refused = run("annotate", copies[0], *wanted, *FAST, expected=2)
    assert TEXT_TOWER in refused
    assert "--trust" in refused
    text = run("annotate", copies[0], *wanted, *FAST, "--trust")
    assert 'Looking for apple: 1 example. Looking for sky: "blue sky", "sky", 1 example.' in text
    first = found(copies[0])
    assert {name for name, _, _ in first["0.png"]} == {"apple", "sky"}
    assert first["1.png"] == found(dataset)["1.png"], "it was edited by hand"
    assert MODEL in run("runs", copies[0])

    from samdesk.engine.yoloe.predictor import YoloePredictor

    def forbidden(*_: Any, **__: Any) -> RgbImage:
        raise AssertionError("a prompt is encoded again")

    monkeypatch.setattr(YoloePredictor, "encode_exemplars", forbidden)
    monkeypatch.setattr(YoloePredictor, "encode_texts", forbidden)
    run("annotate", copies[1], *wanted, *FAST)
    assert found(copies[1]) == first

    with closing(Dataset.open(copies[1])) as opened:
        run_made = queries.runs(opened)[0]
        assert [c["label"] for c in run_made.record.parameters["concepts"]] == ["apple", "sky"]


def test_the_example_and_what_is_accepted_are_not_proposed_again(
    dataset: Path, installed: Path, tmp_path: Path
) -> None:
    before = found(dataset)["1.png"]
    options = ("--find", "apple=", "--existing", "add", "--edited", "--sam-model", "flint", *FAST[2:])
    run("annotate", dataset / "1.png", *options)
    after = found(dataset)["1.png"]
    assert after[:2] == before
    more = [entry for entry in after[2:] if entry[0] == "apple"]
    assert more, "it finds objects everywhere"
    example = from_box(*RED)
    for _, bounds, _ in more:
        assert example.intersection(from_box(*bounds)).area / example.union(from_box(*bounds)).area < 0.75
    run("annotate", dataset / "1.png", *options)
    assert found(dataset)["1.png"] == after, "what was proposed is not proposed again"


def test_words_are_refused_or_left_out_where_their_file_is_missing(dataset: Path, installed: Path) -> None:
    refused = run("annotate", dataset, "--find", "apple=red", *FAST, expected=2)
    assert TEXT_TOWER in refused
    assert "there is no example of apple" in refused
    text = run("annotate", dataset, "--find", "apple=red", "--examples", 1, *FAST)
    assert "Only examples are used." in text
    assert {name for name, _, _ in found(dataset)["0.png"]} == {"apple"}


def test_words_and_examples_are_measured(tmp_path: Path, installed: Path, files: Path) -> None:
    folder = tmp_path / "data"
    for name in IMAGES:
        photo(folder / f"{name}.png", 96, 72)
        (folder / f"{name}.txt").write_text(LINES)
    (folder / "classes.txt").write_text("red\nblue\n")
    small = ("--find", "--imgsz", 96, "--json")
    words = run("evaluate", folder, *small, tmp_path / "1.json")
    assert "Not measured with words: " in words
    assert TEXT_TOWER in words
    shutil.copy(files / TEXT_TOWER, installed)
    text = run("evaluate", folder, *small, tmp_path / "2.json", "--trust", "--det-model", MODEL)
    assert f"Model: {MODEL} (" in text
    assert "2 labels on " in text
    first, second = (json.loads((tmp_path / f"{n}.json").read_text()) for n in (1, 2))
    assert first["results"][0]["ap"] is None
    assert [one["way"] for one in second["results"]] == ["words", "1 example", "5 examples", "20 examples"]
    assert [one["labels"] for one in first["results"][1:]] == [one["labels"] for one in second["results"][1:]]
    assert all(0 <= one["ap"] <= one["ap50"] <= 1 for one in second["results"])
    assert second["model"]["name"] == MODEL
    assert len(second["model"]["sha256"]) >= 16
