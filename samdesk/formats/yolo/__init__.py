"""YOLO segmentation labels: the line, the ring it holds, and the mask the trainer makes of it."""
