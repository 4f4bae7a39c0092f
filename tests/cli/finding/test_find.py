"""``samdesk annotate --find``: what is looked for, examples from the dataset, refusals in words."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from samdesk.batch.concepts import PlannedConcept
from samdesk.batch.models import Loaders
from samdesk.cli.finding.concepts import concepts_of
from samdesk.cli.main import cli
from samdesk.dataset import queries
from samdesk.dataset.dataset import Dataset
from samdesk.domain.annotation import Annotation, new_annotation_id
from samdesk.domain.document import ImageKey
from samdesk.domain.edits import Transaction, add, by_user
from samdesk.domain.geometry.regions import from_box
from tests.dataset.dataset_kit import with_labels
from tests.helpers.concepts import ColourConcepts
from tests.helpers.finding import InnerPredictor
from tests.helpers.make import photo

RED = (32.0, 48.0, 128.0, 168.0)
MODELS = ("--det-model", "open.pt", "--sam-model", "inner.pt")


@pytest.fixture
def images(tmp_path: Path) -> Path:
    for number in range(3):
        photo(tmp_path / f"{number}.png", seed=number)
    return tmp_path


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> ColourConcepts:
    found = ColourConcepts()
    loaders = Loaders(lambda *_: found, lambda *_: InnerPredictor(), lambda: "inner.pt")  # type: ignore[arg-type, return-value]
    monkeypatch.setattr(Loaders, "real", lambda *_, **_named: loaders)
    return found


@pytest.fixture
def dataset(images: Path) -> Path:
    """A dataset with an accepted "apple" on its second image."""
    with closing(Dataset.open(images)) as opened:
        (label, _) = with_labels(opened, "apple", "pear").labels
        drawn = Annotation(new_annotation_id(), label.id, from_box(*RED))
        key = ImageKey("1.png")
        opened.commit(Transaction("Draw", ((key, by_user(add([drawn]), opened.load(key))),)))
    return images


def run(command: str, *arguments: str | Path, expected: int = 0) -> str:
    """Everything that a command prints."""
    result = CliRunner().invoke(cli, [command, *map(str, arguments)])
    assert result.exit_code == expected, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return " ".join(result.output.split())


def labelled(folder: Path) -> dict[str, list[str]]:
    with closing(Dataset.open(folder)) as opened:
        names = {label.id: label.name for label in opened.labels}
        return {key: [names[a.label_id] for a in opened.load(key).annotations] for key in opened.keys}


@pytest.mark.parametrize(
    ("texts", "wanted"),
    [
        (["red apple"], [("red apple", ("red apple",))]),
        (["apple=red  apple, green apple,"], [("apple", ("red apple", "green apple"))]),
        (["apple=a|b;c"], [("apple", ("a", "b", "c"))]),
        (["apple="], [("apple", ())]),
        (["apple=a", "pear", " Apple = b,a"], [("apple", ("a", "b")), ("pear", ("pear",))]),
    ],
)
def test_labels_and_their_words(texts: Sequence[str], wanted: Any) -> None:
    assert [(c.label, c.texts) for c in concepts_of(texts)] == wanted


def test_words_find_objects_in_a_folder_without_a_store(images: Path, model: ColourConcepts) -> None:
    text = run("annotate", images, *MODELS, "--find", "apple=red ellipse, red", "--find", "blue")
    assert 'Looking for apple: "red ellipse", "red".' in text
    assert "Looking for blue." in text
    assert [c.label for c in model.asked[0]] == ["apple", "blue"]
    assert len((images / "0.txt").read_text().splitlines()) == 2
    assert "apple" in (images / "data.yaml").read_text()


def test_accepted_annotations_are_the_examples(dataset: Path, model: ColourConcepts) -> None:
    text = run("annotate", dataset, *MODELS, "--find", "apple=")
    assert "Looking for apple: 1 example." in text
    (exemplar,) = model.asked[0][0].exemplars
    assert (exemplar.image.name, exemplar.box) == ("1.png", RED)
    assert labelled(dataset) == {"0.png": ["apple"], "1.png": ["apple"], "2.png": ["apple"]}
    assert "find apple: 1 example" in run("runs", dataset)

    again = run("annotate", dataset, *MODELS, "--find", "apple=blue", "--examples", 3, "--existing", "add",
                "--edited")  # fmt: skip
    assert 'Looking for apple: "blue", 1 example.' in again
    assert labelled(dataset)["1.png"] == ["apple", "apple"], "the rectangle was added to an edited image"
    with closing(Dataset.open(dataset)) as opened:
        newest, *_ = queries.runs(opened)
    (concept,) = newest.record.parameters["concepts"]
    assert PlannedConcept.from_json(concept).texts == ("blue",)


def test_examples_are_those_of_the_dataset_also_for_an_output_folder(
    dataset: Path, tmp_path: Path, model: ColourConcepts
) -> None:
    run("annotate", dataset / "0.png", *MODELS, "--find", "apple=", "--output-dir", tmp_path / "out")
    assert len((tmp_path / "out" / "0.txt").read_text().splitlines()) == 1
    assert model.asked[0][0].exemplars[0].image.name.endswith("1.png")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--find", "=red"), "a label and its words"),
        (("--examples", "3"), "--examples needs --find"),
        (("--find", "pear="), "no accepted annotation of 'pear' can serve as an example"),
        (("--find", "apple", "--classes", "0"), "--find says what is looked for"),
        (("--find", "apple", "--from", "boxes"), "nothing to look for"),
        (("--find", "apple", "--edited"), "only get new objects"),
        (("--find", "apple=", "--out", "somewhere"), "reads no dataset"),
    ],
)
def test_what_makes_no_sense_is_refused(
    dataset: Path, model: ColourConcepts, options: Sequence[str], words: str
) -> None:
    assert words in run("annotate", dataset, *MODELS, *options, expected=2)
    assert not model.asked


def test_examples_need_a_dataset(images: Path, model: ColourConcepts) -> None:
    text = run("annotate", images, *MODELS, "--find", "apple=", expected=2)
    assert "accepted annotations of a samdesk dataset" in text


def test_without_an_open_vocabulary_model_the_run_is_refused(images: Path) -> None:
    text = run("annotate", images, "--find", "apple", expected=2)
    assert "no model with an open vocabulary on this machine" in text
    assert "yoloe-11s-seg.pt" in text
    text = run("annotate", images, "--find", "apple", "--det-model", "flint", expected=2)
    assert "finds its own classes only" in text
    assert not list(images.glob("*.txt"))
