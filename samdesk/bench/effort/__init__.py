"""The effort bench: how many gestures an annotator needs until every object of an image is right.

A simulated annotator plays against ground truth with the real predictor and the real operations on regions
(``annotator``). What it can see and do, and what each gesture costs, is documented in ``docs/benchmarks.md``.
"""
