"""State machines of others as the local runtime runs them."""
