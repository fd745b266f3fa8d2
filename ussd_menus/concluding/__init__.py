"""What a person is told when an act has been carried out, or could not be: one module for each kind."""
