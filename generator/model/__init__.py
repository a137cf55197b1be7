"""The data product and everything it is made of: frozen values, no I/O."""
