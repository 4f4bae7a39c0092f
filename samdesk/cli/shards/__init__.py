"""The commands of runs in shards: ``samdesk annotate --out`` and ``samdesk merge``."""
