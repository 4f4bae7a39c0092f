"""Why an export cannot be made, in words."""

from __future__ import annotations

from samdesk.base.errors import UserError


class ExportError(UserError):
    """An export cannot be begun as asked, or was ended by the disk; nothing of it is left."""

    code = "export"


class FolderExistsError(ExportError):
    """The folder to export to is there already, and was not to be overwritten."""

    code = "export-exists"
