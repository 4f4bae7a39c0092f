"""``samdesk runs``, ``samdesk annotate --resume``, and which images and options ``annotate`` takes."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from samdesk.batch.models import Loaders
from samdesk.cli.main import cli
from samdesk.dataset.dataset import Dataset
from samdesk.domain.document import ImageKey
from samdesk.domain.edits import Edit, Transaction
from samdesk.domain.review import ReviewChange
from tests.helpers.finding import ColourModels
from tests.helpers.make import photo

MODELS = ("--det-model", "colour.pt", "--sam-model", "inner.pt")


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> ColourModels:
    return use(monkeypatch, ColourModels())


def use(monkeypatch: pytest.MonkeyPatch, shelf: ColourModels) -> ColourModels:
    monkeypatch.setattr(Loaders, "real", lambda *_, **_named: shelf.loaders)
    return shelf


def run(command: str, *arguments: str | Path) -> tuple[int, str, str]:
    """Exit code, standard output and standard error."""
    result = CliRunner().invoke(cli, [command, *(str(a) for a in arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def dataset(folder: Path, count: int) -> Path:
    """A dataset with a store and this many images."""
    for i in range(count):
        photo(folder / "images" / f"{i}.png", 160, 120, seed=i)
    commit(folder, "images/0.png", Edit(review=ReviewChange.SET_UNREVIEWED))
    return folder


def commit(folder: Path, key: str, edit: Edit) -> None:
    opened = Dataset.open(folder)
    opened.commit(Transaction("Work", ((ImageKey(key), edit),)))
    opened.close()


def labels(folder: Path) -> dict[str, str]:
    return {p.name: p.read_text() for p in sorted((folder / "labels").glob("*.txt"))}


def test_a_stopped_run_goes_on_with_its_own_parameters_and_stays_one_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = dataset(tmp_path, 24)

    def interrupt(call: int) -> None:
        if call == 2:
            os.kill(os.getpid(), signal.SIGINT)

    use(monkeypatch, ColourModels(before=interrupt))
    code, _, err = run("annotate", folder, *MODELS, "--class-conf", "Box=0.7", "--conf", "0.3")
    assert (code, "Give --resume" in err) == (130, True)
    done = len(labels(folder))
    assert done < 24
    use(monkeypatch, ColourModels())
    code, out, err = run("annotate", folder, "--resume", "--conf", "0.9")
    assert (code, "leave out --conf" in err) == (2, True)
    code, out, err = run("annotate", folder, "--resume")
    assert code == 0, err
    assert f"{24 - done} images will be annotated" in out
    found = labels(folder)
    assert len(found) == 24
    assert {line.split()[0] for text in found.values() for line in text.splitlines()} == {"0"}, "no box"
    code, out, _ = run("runs", folder, "--json")
    (known,) = json.loads(out)
    assert (known["state"], known["counts"]["done"], known["parameters"]["conf"]) == ("done", 24, 0.3)
    assert "done: 24 annotations on 24 images" in run("runs", folder)[1]
    assert "there is no run to resume" in run("annotate", folder, "--resume")[2]


def test_a_run_is_undone_unless_something_was_changed_since(tmp_path: Path, shelf: ColourModels) -> None:
    folder = dataset(tmp_path, 2)
    run("annotate", folder, *MODELS)
    assert set(labels(folder)) == {"0.txt", "1.txt"}
    commit(folder, "images/1.png", Edit(review=ReviewChange.MARK_EDITED))
    code, _, err = run("runs", folder, "--undo", "last")
    assert (code, "1 newer change has to be undone first" in err) == (2, True)
    opened = Dataset.open(folder)
    opened.undo()
    opened.close()
    code, out, _ = run("runs", folder, "--undo", "last")
    assert (code, out.startswith("Undone: ")) == (0, True)
    assert labels(folder) == {}
    assert "undone" in run("runs", folder)[1]
    assert "undone already" in run("runs", folder, "--undo", "last")[2]
    assert "there is no run 'x'" in run("runs", folder, "--undo", "x")[2]


def test_without_a_store_there_are_no_runs_and_the_same_command_resumes(
    tmp_path: Path, shelf: ColourModels
) -> None:
    photo(tmp_path / "images" / "1.png")
    assert "is not a samdesk dataset" in run("runs", tmp_path)[2]
    assert "run the same command again" in run("annotate", tmp_path / "images", "--resume")[2]


@pytest.mark.parametrize("store", [False, True])
def test_the_place_the_models_and_the_images_are_named_before_the_work(
    tmp_path: Path, shelf: ColourModels, store: bool
) -> None:
    folder = tmp_path
    photo(folder / "images" / "1.png")
    if store:
        dataset(folder, 1)
    (folder / "labels").mkdir(exist_ok=True)
    (folder / "labels" / "1.txt").write_text("0 0.1 0.1 0.2 0.1 0.2 0.2\n")
    photo(folder / "images" / "2.png")
    _, out, _ = run("annotate", folder / "images", *MODELS)
    lines = out.splitlines()
    where = f"the dataset {folder} (one Undo" if store else f"{folder / 'labels'}."
    assert lines[0].startswith(f"Labels go to {where}")
    assert lines[1].startswith(f"{1 + store} of {2 + store} images will be annotated; 1 skipped: already")
    assert lines[2] == "Colours on CPU (fp32) + Inner on CPU (fp32)"
    assert lines[3].startswith(f"1/{1 + store}")


def test_images_are_chosen_one_by_one_and_by_a_search(tmp_path: Path, shelf: ColourModels) -> None:
    folder = dataset(tmp_path, 4)
    images = folder / "images"
    code, out, _ = run("annotate", images / "1.png", images / "2.png", *MODELS, "--classes", "box")
    assert code == 0
    assert "2 images will be annotated" in out
    assert set(labels(folder)) == {"1.txt", "2.txt"}
    code, out, _ = run("annotate", folder, *MODELS, "--search", "class:box score:<0.7", "--existing", "add")
    assert code == 0
    assert "2 images will be annotated" in out
    assert {len(text.splitlines()) for text in labels(folder).values()} == {2}
    assert "has no label" not in run("annotate", folder, *MODELS, "--search", "class:bux")[1]
    assert run("annotate", folder, *MODELS, "--search", "scoore:1")[0] == 2
    other = photo(tmp_path / "x" / "images" / "1.png").parent
    (folder / ".samdesk").rename(tmp_path / "gone")
    assert "a search needs a samdesk dataset" in run("annotate", other, "--search", "box")[2]


@pytest.mark.parametrize("given", ["person", "person=x", "=0.4"])
def test_a_confidence_that_is_none_is_refused(tmp_path: Path, shelf: ColourModels, given: str) -> None:
    photo(tmp_path / "1.png")
    code, _, err = run("annotate", tmp_path, "--class-conf", given)
    assert (code, "must be a class and its confidence (person=0.4)" in err) == (2, True)
