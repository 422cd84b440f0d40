"""What `optiq serve` adds to a model server, and what it loses: nothing, whatever happens to it."""
