"""From files to checked documents: find, read, merge the domain's defaults, validate against the JSON Schemas."""
