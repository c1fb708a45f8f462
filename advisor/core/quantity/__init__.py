"""The kinds of quantities that a sentence may ask for, one module a kind."""
