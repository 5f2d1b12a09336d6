"""Files of any make → canonical facts: mappings, strict conversion row by row, a quarantine."""
