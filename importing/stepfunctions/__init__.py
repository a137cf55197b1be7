"""AWS Step Functions: machines whose tasks wait for their work, as the steps of products or, as they stand, as their definitions."""
