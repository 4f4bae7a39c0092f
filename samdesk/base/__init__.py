"""Common ground: errors, jobs, places on disk, atomic writes. Knows no domain noun, no Qt, no torch."""
