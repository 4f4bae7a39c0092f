"""``samdesk export-worker``: a process that encodes images for an export; samdesk starts it itself."""

from __future__ import annotations


def export_worker() -> None:
    """Encode images for an export that another samdesk makes."""
    from samdesk.exchange.exporting.worker import serve

    serve()
