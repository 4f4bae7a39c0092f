"""Makes PySide6 and qtawesome look as if they were not installed, in this process and in those it starts."""

import sys


class NotInstalled:
    """The first finder of modules: it refuses Qt."""

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("PySide6", "shiboken6", "qtawesome"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, NotInstalled())
