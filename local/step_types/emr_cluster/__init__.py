"""Amazon EMR clusters as the local runtime has them."""
