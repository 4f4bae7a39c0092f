"""Models behind two protocols, Predictor and Detector. No Qt; torch is imported inside functions only."""
