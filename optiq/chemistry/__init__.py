"""Which models belong together: chemistry, ensembles and their certainty (the LLM Chemistry paper)."""
