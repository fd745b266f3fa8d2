"""Aggregators: each adapter turns its form into a Hop, and a Reply into its form."""
