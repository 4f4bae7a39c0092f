"""What other programs call a shape becomes a region here, by one rule for all formats.

``convert``: polygons, boxes, ellipses, lines, points; ``masks``: pixels and PNGs; ``rle``: COCO's run
lengths; ``brush_rle``: Label Studio's. What is no region raises ``convert.ShapeError``.
"""
