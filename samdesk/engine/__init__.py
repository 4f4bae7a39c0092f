"""Models, behind the protocols ``Predictor`` and ``Detector``. No Qt; torch only inside functions."""
