"""Compares Flint, MobileSAM, GrabCut and other engines on everything interactive annotation needs."""
