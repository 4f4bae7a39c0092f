from tests.e2e.conftest import arrive, folder, person

__all__ = ["arrive", "folder", "person"]
