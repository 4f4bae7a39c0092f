"""Modules of the window change nothing that all threads share: what does is listed with its reason."""

from __future__ import annotations

import ast

from tests.helpers.sources import PACKAGE, modules, name_of, tree_of

SETTERS = {
    "setNumThreads", "setUseOptimized", "setUseOpenCL", "set_num_threads", "set_num_interop_threads",
    "set_default_dtype", "set_default_device", "set_default_tensor_type", "set_grad_enabled",
    "set_float32_matmul_precision", "use_deterministic_algorithms", "set_printoptions", "seterr",
    "manual_seed", "putenv", "unsetenv", "chdir", "umask", "nice", "setlocale", "simplefilter",
    "filterwarnings", "setswitchinterval", "setrecursionlimit", "setdefaulttimeout", "set_start_method",
    "setrlimit", "basicConfig", "captureWarnings", "addLevelName", "register_heif_opener",
}  # fmt: skip
SEEDS = {"random.seed", "np.random.seed"}
ASSIGNED = {
    "MAX_IMAGE_PIXELS",
    "LOAD_TRUNCATED_IMAGES",
    "excepthook",
    "unraisablehook",
    "benchmark",
    "allow_tf32",
}

ALLOWED = {
    "samdesk.app": "setswitchinterval and excepthook, before the event loop runs",
    "samdesk.base.child_process": "os.environ and chdir, while a process without other threads starts one",
    "samdesk.batch.shards.cluster": "os.environ, before Ray is imported, in a command of its own",
    "samdesk.base.cv": "os.environ, when the first module is imported",
    "samdesk.demo.run": "os.environ, before there is an application",
    "samdesk.engine.runtime.device": "set_num_threads for one thread, and back for all others",
    "samdesk.engine.runtime.process_state": "puts os.environ back",
    "samdesk.engine.ultralytics": "os.environ, before the first thread",
    "samdesk.images.pillow": "MAX_IMAGE_PIXELS, when it is imported",
    "samdesk.cli.background": "of a process of its own",
    "samdesk.training": "of a process of its own: samdesk teach or train",
    "samdesk.bench": "of a process of its own: samdesk bench",
}


def test_only_listed_modules_change_what_all_threads_share() -> None:
    found = {name_of(path): sorted(_changes(tree_of(path))) for path in modules()}
    unlisted = {
        name: changes
        for name, changes in found.items()
        if changes and not any(name == listed or name.startswith(f"{listed}.") for listed in ALLOWED)
    }
    assert not unlisted
    unused = {listed for listed in ALLOWED if not any(c for n, c in found.items() if n.startswith(listed))}
    assert not unused
    assert PACKAGE.is_dir()


def _changes(tree: ast.Module) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            text = ast.unparse(node.func)
            name = text.rpartition(".")[2]
            if name in SETTERS or text in SEEDS or (text.startswith("os.environ.") and name != "get"):
                found.add(text)
        targets = node.targets if isinstance(node, (ast.Assign, ast.Delete)) else []
        for target in targets:
            text = ast.unparse(target)
            if text.startswith("os.environ[") or (text.rpartition(".")[2] in ASSIGNED and "." in text):
                found.add(text)
    return found
