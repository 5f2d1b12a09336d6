"""Where the canonical tables are counted: DuckDB, PostgreSQL or Spark, by one set of verbs."""
