"""The checks, by what they look at; ``samdesk.exchange.check.registry`` lists them."""
