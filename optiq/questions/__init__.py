"""Questions and answers as people give and get them: the question itself, its budget and weights, and its files."""
