"""Files: written whole or not at all, tables by suffix, charts, SQLite."""
