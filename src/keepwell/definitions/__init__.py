"""What a project's YAML may say: models, loading with file and line, validation, versions. Pure."""
