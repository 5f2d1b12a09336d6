"""The canonical customer tables: their shape, their versions, and reading them as of an instant."""
