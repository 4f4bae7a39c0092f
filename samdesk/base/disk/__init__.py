"""How the disk is written: durability, temporary files, letter case."""
