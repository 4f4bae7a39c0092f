"""How the image is shown: brightness, contrast, gamma and equalised tones, for the eye only."""
