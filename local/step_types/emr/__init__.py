"""Steps of Amazon EMR as the local runtime runs them."""
