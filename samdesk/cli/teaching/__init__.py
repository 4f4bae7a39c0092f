"""``samdesk teach``: its options, output and record."""
