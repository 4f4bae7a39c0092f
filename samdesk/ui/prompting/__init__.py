"""From prompts to masks to annotations."""
