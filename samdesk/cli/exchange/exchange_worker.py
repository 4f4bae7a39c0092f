"""``samdesk exchange-worker``: a process of an export or a check; samdesk starts it itself."""

from __future__ import annotations


def exchange_worker() -> None:
    """Do a part of what another samdesk exports or checks."""
    from samdesk.exchange.processes.worker import serve

    serve()
