"""What other packages can add to Optiq by entry points, all of it through one registry."""
