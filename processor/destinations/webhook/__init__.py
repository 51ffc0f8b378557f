"""A webhook: events as JSON to any HTTP address, as they are or as a mapping makes them."""
