"""What readers share: large JSON and XML in pieces, and the values in them."""
