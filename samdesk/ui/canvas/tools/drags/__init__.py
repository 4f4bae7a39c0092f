"""What the select tool drags: annotations, vertices, stretches of an outline; and the handles for it."""
