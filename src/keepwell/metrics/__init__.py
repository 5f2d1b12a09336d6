"""Metric definitions to Ibis: one expression for any set of days. Opens no connection, no file."""
