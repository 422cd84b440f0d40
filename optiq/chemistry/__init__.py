"""Which models belong together: chemistry, ensembles and their certainty (the LLM Chemistry paper).

Uses the rooms execution, prompts and servers, for reviews.
"""
