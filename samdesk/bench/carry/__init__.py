"""How well objects are carried along, on images moved by synthetic cameras and by their objects."""
