"""Where the objects of an auto-annotate run come from: a detector, a segmentation model, existing boxes."""
