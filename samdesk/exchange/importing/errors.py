"""The error of an import that cannot be begun; single records that cannot be read are reported instead."""

from __future__ import annotations

from samdesk.base.errors import UserError


class ImportRefusedError(UserError):
    """Nothing of what the user has chosen can be imported, or not as asked."""

    code = "import"
