"""SAM 1, MobileSAM and SAM 2: the promptable predictor and the networks behind it."""
