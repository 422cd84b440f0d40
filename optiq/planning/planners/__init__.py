"""The planners: searches for the frontier, one file each, and what they share."""
