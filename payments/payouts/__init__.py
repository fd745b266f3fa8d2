"""Money out: what is given back to people, from the asking to the last word of the rail."""
