"""Texts that are not written in the program are made printable at the edge where they are shown."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from tests.helpers.sources import PACKAGE, modules, place_of, tree_of

GUESSING = {
    "QLabel", "QMessageBox", "QInputDialog", "QErrorMessage", "QProgressDialog", "QTextBrowser", "QTextEdit",
    "QSplashScreen", "QSystemTrayIcon", "setHtml", "setMarkdown",
}  # fmt: skip
"""What takes a text for HTML if it looks like it."""
MAY_GUESS = {
    "ui/kit/plain.py": "PlainLabel",
    "ui/kit/messages.py": "sets the format of every label",
    "ui/shell/guide.py": "HTML of its own texts",
    "ui/shell/dialogs/about.py": "links of its own texts",
}
TEXT_OF = {
    "setToolTip": -1, "showText": 1, "setWindowTitle": 0, "setAccessibleName": 0, "setStatusTip": 0,
    "setAccessibleDescription": 0, "QTableWidgetItem": 0, "addItem": 0, "insertItem": 1, "QAction": 1,
    "setIconText": 0, "setPlainText": 0, "setLabelText": 0, "setInformativeText": 0, "setFormat": 0,
    "setDetailedText": 0,
}  # fmt: skip
"""Which argument of a call is shown."""
MAKES_PRINTABLE = {"tip", "plain", "plain_lines", "button_text", "printable"}
OWN_TEXTS = {
    "ui/auto_annotate/dialog.py": "models and choices of the program",
    "ui/auto_annotate/parameter_fields.py": "the table of parameters",
    "ui/commands/actions.py": "escaped HTML of the command table",
    "ui/kit/dock.py": "titles of the panels",
    "ui/kit/fields.py": "the table of parameters, and devices",
    "ui/kit/job_bar.py": "titles of the jobs",
    "ui/kit/messages.py": "the spacer of a layout",
    "ui/models/dialog.py": "the table of settings",
    "ui/prompting/candidate_strip.py": "numbers",
    "ui/commands/buttons.py": "tooltips of actions",
    "ui/shell/dialogs/settings.py": "the table of settings",
    "ui/shell/dialogs/shortcuts.py": "the command table",
    "ui/shell/menus.py": "tooltips of actions",
    "ui/shell/status_bar.py": "names of its fields",
    "ui/shell/tool_strip.py": "the command table",
    "ui/shell/top_bar.py": "the command table",
    "ui/shell/welcome.py": "the command table",
    "ui/annotations/panel.py": "the text of its button",
}
"""Modules that may pass on other expressions, with what these hold."""

PRINTERS = {
    "base/logs.py": "formatted records",
    "bench/heartbeat.py": "its own report",
    "bench/start.py": "numbers",
    "cli/fit.py": "JSON",
    "cli/output.py": "the rule",
    "cli/teaching/output.py": "JSON, and the table of scores",
    "demo/run.py": "its own texts, the others as plain rich.Text",
}


def name_of(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def found(test: Callable[[str, ast.Call], bool], below: str) -> list[str]:
    """Where calls that a test fails are: "file:line: name"."""
    wrong = []
    for path in modules():
        if not path.is_relative_to(PACKAGE / below):
            continue
        name = place_of(path)
        wrong += [f"{name}:{c.lineno}: {name_of(c)}" for c in calls_in(tree_of(path)) if test(name, c)]
    return wrong


def calls(source: str) -> Iterator[ast.Call]:
    return calls_in(ast.parse(source))


def calls_in(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def is_shown_as_it_is(call: ast.Call) -> bool:
    """Whether a call shows a text that is neither a literal nor made printable."""
    at = TEXT_OF.get(name_of(call))
    if at is None or not call.args or at >= len(call.args):
        return False
    return not _is_safe(call.args[at])


def _is_safe(text: ast.expr) -> bool:
    if isinstance(text, ast.IfExp):
        return _is_safe(text.body) and _is_safe(text.orelse)
    if isinstance(text, ast.BoolOp):
        return all(map(_is_safe, text.values))
    if isinstance(text, ast.BinOp):
        return _is_safe(text.left) and _is_safe(text.right)
    if isinstance(text, ast.Call):
        method = isinstance(text.func, ast.Attribute) and name_of(text) in ("replace", "strip")
        return name_of(text) in MAKES_PRINTABLE or (method and _is_safe(text.func.value))  # type: ignore[attr-defined]
    return isinstance(text, ast.Constant)


def test_only_plain_labels_and_messages_show_texts() -> None:
    assert found(lambda name, call: name_of(call) in GUESSING and name not in MAY_GUESS, "ui") == []


def test_what_is_shown_is_a_literal_or_made_printable() -> None:
    assert found(lambda name, call: is_shown_as_it_is(call) and name not in OWN_TEXTS, "ui") == []
    used = {place.partition(":")[0] for place in found(lambda _, call: is_shown_as_it_is(call), "ui")}
    assert set(OWN_TEXTS) <= used, "modules that need not be listed"


def test_what_is_printed_goes_through_one_function() -> None:
    assert found(lambda name, call: is_print(call) and name not in PRINTERS, "") == []
    assert all(is_print(next(calls(text))) for text in ("typer.echo(x)", "print(x)", "sys.stderr.write(x)"))
    assert is_print(next(calls("console.print(f'{x}')")))
    assert not is_print(next(calls("console.print(printable(x))")))


def is_print(call: ast.Call) -> bool:
    """Whether a call prints, other than with ``echo`` of ``cli.output``."""
    text = ast.unparse(call.func)
    if text in ("typer.echo", "click.echo", "print", "sys.stdout.write", "sys.stderr.write"):
        return True
    return text.endswith("console.print") and not _is_safe(call.args[0])


def test_the_test_sees_what_is_shown() -> None:
    wrong = (
        "w.setToolTip(name)",
        "QTableWidgetItem(f'{name} x')",
        "i.setToolTip(0, name)",
        "QAction(i, n, w)",
    )
    assert all(is_shown_as_it_is(next(calls(text))) for text in wrong)
    fine = ("w.setToolTip(tip(name))", "w.setToolTip('a' if b else '')", "w.setWindowTitle(plain(x).strip())")
    assert not any(is_shown_as_it_is(next(calls(text))) for text in fine)
