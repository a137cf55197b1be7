"""Functions of products' teams as the local runtime runs them."""
