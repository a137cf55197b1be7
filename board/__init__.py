"""The board: the mesh in a browser, served on this machine."""
