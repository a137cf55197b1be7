"""What other systems run, as products: one package a system, and what they share. The modules of a system are pure: parsed documents -> products and notes."""
