"""Formats of other packages: the example of the documentation, and packages that are broken."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

import samdesk
from samdesk.base.plugins import found
from samdesk.cli.main import cli
from samdesk.formats.plugins import GROUP, added_formats
from samdesk.formats.registry import FORMATS, find_format, formats
from samdesk.testing import check_format
from tests.dataset.dataset_kit import photos
from tests.helpers.packages import EXAMPLES, entry_points_of, install


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The example, as pip installs it."""
    install(tmp_path, "samdesk-box-lines", entry_points_of("samdesk-box-lines"))
    monkeypatch.syspath_prepend(str(EXAMPLES / "samdesk-box-lines"))
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_the_example_is_found_and_conforms(example: Path) -> None:
    row = find_format("box-lines")
    assert row in formats()
    assert check_format(row) == ()
    listed = CliRunner().invoke(cli, ["formats"]).output
    assert "box-lines        Box lines (import, export, from samdesk-box-lines 1.0)" in listed


def test_broken_packages_are_named_and_harm_nothing(example: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (example / "broken_one.py").write_text("raise SystemExit(3)\n")
    (example / "broken_two.py").write_text("FORMAT = 5\n")
    entries = {
        "missing": "no_such_module:FORMAT",
        "exits": "broken_one:FORMAT",
        "number": "broken_two:FORMAT",
        "coco": "samdesk_box_lines:FORMAT",
    }
    install(example, "broken-package", {GROUP: entries})
    assert {"missing", "exits", "number", "coco", "box-lines"} <= {plugin.name for plugin in found(GROUP)}
    added = added_formats({row.id for row in FORMATS})
    assert [row.id for row, _ in added.rows] == ["box-lines"]
    assert len(added.problems) == 4
    assert all("broken-package" in str(problem) for problem in added.problems)
    assert [row.id for row in formats()][:-1] == [row.id for row in FORMATS]
    listed = CliRunner().invoke(cli, ["formats"])
    assert listed.exit_code == 0
    assert listed.output.count("broken-package") >= 4
    with pytest.raises(KeyError):
        find_format("exits")


def test_listing_imports_nothing(example: Path) -> None:
    import sys

    sys.modules.pop("samdesk_box_lines", None)
    assert [plugin.package for plugin in found(GROUP)] == ["samdesk-box-lines"]
    assert "samdesk_box_lines" not in sys.modules


def test_a_format_of_another_package_is_imported_and_exported(example: Path, tmp_path: Path) -> None:
    photos(tmp_path / "data", "a.png")
    source = tmp_path / "x.boxes"
    source.write_text("# box lines\na.png,64,48,cat,10,8,30,23\n")
    assert samdesk.import_annotations(tmp_path / "data", source).added == 1
    report = samdesk.export_dataset(tmp_path / "data", "box-lines", tmp_path / "out", processes=0)
    assert report.instances_out == 1
    written = next((tmp_path / "out").rglob("*.boxes")).read_text()
    assert written.endswith("a.png,64,48,cat,10,8,30,23\n")
