"""Every name, retry, timeout, grant and place of a resource is decided here, without I/O; `render` only writes it down."""
