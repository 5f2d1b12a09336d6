"""History in a schema of PostgreSQL."""
