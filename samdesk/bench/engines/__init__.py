"""Engines side by side: Flint, MobileSAM, GrabCut and any other, in all a hand asks of them."""
