"""Auto-annotate at scale: images and results anywhere, cut into shards that any number of machines work on.

A run has a folder for its results: a manifest (which images, Parquet), ``run.json`` (the plan and the models)
and one Parquet file for each shard of about a thousand images. A shard is done when its file is there, so
nothing else is kept about what was done: a run that was stopped or killed, in part or as a whole, goes on
when it is started again, and two drivers on one folder only do some work twice.

``local`` drives the shards in one process, ``cluster`` on the workers of a Ray cluster; ``merge`` brings the
results into a dataset.
"""
