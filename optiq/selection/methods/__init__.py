"""The methods, each in a file named after it; :mod:`optiq.selection.registry` knows them by name."""
