"""What is compared: one module a matter, each giving its rows of the table."""
