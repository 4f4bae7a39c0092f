"""samdesk's own processes are started by ``base.child_process``'s rules: who starts one is listed."""

from __future__ import annotations

import ast

from tests.architecture.test_layers import modules, name_of, tree_of

STARTERS = {"subprocess", "multiprocessing", "concurrent.futures", "pty"}
CALLS = {"QProcess", "ProcessPoolExecutor", "Popen", "execv", "execve", "execvp", "posix_spawn", "fork"}
"""And every ``os.spawn...``, ``os.system`` and ``os.popen``."""

WITH_CHILD_PROCESS = {
    "samdesk.workers.training_process",
    "samdesk.exchange.processes.pool",
    "samdesk.bench.subprocess",
    "samdesk.bench.start",
    "samdesk.bench.busy.busy_processes",
}
OTHER_PROGRAMS = {"samdesk.ui.kit.file_manager": "the system's file manager"}


def test_only_listed_modules_start_processes() -> None:
    words = {*STARTERS, *CALLS, "os.spawn", "os.system", "os.popen"}
    texts = {path: path.read_text("utf-8") for path in modules()}
    likely = [path for path, text in texts.items() if any(word in text for word in words)]
    found = {name_of(path): tree_of(path) for path in likely}
    starters = {name for name, tree in found.items() if _starts_processes(tree)}
    assert starters == WITH_CHILD_PROCESS | set(OTHER_PROGRAMS)
    for name in WITH_CHILD_PROCESS:
        imports = [node for node in ast.walk(found[name]) if isinstance(node, ast.ImportFrom)]
        modules_named = {f"{node.module}.{alias.name}" for node in imports for alias in node.names}
        assert any(text.startswith("samdesk.base.child_process") for text in modules_named), name


def _starts_processes(tree: ast.Module) -> bool:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) and any(alias.name.split(".")[0] in STARTERS for alias in node.names):
            return True
        if isinstance(node, ast.ImportFrom) and (node.module or "") in STARTERS:
            return any(alias.name not in {"ThreadPoolExecutor", "Future"} for alias in node.names)
        if isinstance(node, ast.Call):
            text = ast.unparse(node.func)
            if text.split(".")[0] in CALLS or text.rpartition(".")[2] in CALLS:
                return True
            if text.startswith(("os.spawn", "os.system", "os.popen")):
                return True
    return False
