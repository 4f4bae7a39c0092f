"""The formats of programs that write JSON: labelme, X-AnyLabeling, ISAT, Label Studio, SA-1B."""
