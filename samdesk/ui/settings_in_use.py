"""Applies the settings to a window, at the start and whenever one changes."""

from __future__ import annotations

from samdesk.settings.table import (
    COLOR_BY_INSTANCE,
    EMBEDDING_CACHE_MB,
    EMBEDDING_DISK,
    EMBEDDING_DISK_GB,
    FILL_OPACITY,
    HOVER_PREVIEW,
    LABEL_GROUPS,
    LABEL_TAGS,
    LOOK_CLOSER,
    LOOK_CLOSER_FROM,
    OUTLINE_WIDTH,
    PREFETCH,
    THEME,
    Settings,
)
from samdesk.ui.canvas.tools.registry import SEGMENT
from samdesk.ui.canvas.view import CanvasView
from samdesk.ui.kit.theme import Theme
from samdesk.ui.wiring import Controllers
from samdesk.workers.group import Workers


def follow_settings(
    settings: Settings, canvas: CanvasView, theme: Theme, workers: Workers, flows: Controllers
) -> None:
    """Applies the settings now and after every change."""
    segment = flows.tools.toolbox.get(SEGMENT)

    def apply(_setting: object = None) -> None:
        get = settings.get
        segment.set_hover_enabled(get(HOVER_PREVIEW))
        flows.views.set_automatic(get(LOOK_CLOSER), get(LOOK_CLOSER_FROM))
        flows.navigate.prefetch = get(PREFETCH)
        workers.inference.set_cache_budget(get(EMBEDDING_CACHE_MB) * 1024**2)
        workers.disk.configure(get(EMBEDDING_DISK), get(EMBEDDING_DISK_GB) * 1024**3)
        canvas.set_opacity(get(FILL_OPACITY) / 100)
        canvas.set_outline_width(get(OUTLINE_WIDTH))
        flows.tools.set_color_by_instance(get(COLOR_BY_INSTANCE))
        canvas.set_all_tags(get(LABEL_TAGS))
        flows.labels.set_grouped(get(LABEL_GROUPS))
        if theme.choice != get(THEME):
            theme.set_choice(get(THEME))

    settings.on_change(apply)
    apply()
