"""Chemistry on recorded performance histories."""
