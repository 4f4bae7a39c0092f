"""YOLO segmentation labels: the lines, their rings, and the masks the trainer makes of them."""
