"""The platform's programming interface, under `/api/v1`."""
