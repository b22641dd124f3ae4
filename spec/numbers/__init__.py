"""Number systems in which equations are evaluated: float64 balls, Arb balls, SymPy expressions."""
