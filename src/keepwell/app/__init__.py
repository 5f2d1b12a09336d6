"""A project, opened: what the command line and a notebook do, as plain functions."""
