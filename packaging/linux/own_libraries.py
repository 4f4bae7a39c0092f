"""Runtime hook: the programs that samdesk starts get the system's libraries, not the app's.

The bootloader puts the app's folder into LD_LIBRARY_PATH and starts the app. The loader has read the variable
by now; a file manager or a browser opened from samdesk would inherit it and find the wrong libraries.
"""

import os

_before = os.environ.pop("LD_LIBRARY_PATH_ORIG", None)
if _before is None:
    os.environ.pop("LD_LIBRARY_PATH", None)
else:
    os.environ["LD_LIBRARY_PATH"] = _before
