"""Confirms the deviations of a scoreboard: exact values by formulas that are written here, in mpmath.

Nothing of the specification is used: no equation, no derivative, no ball. Derivatives are central differences in 600
digits. What agrees with the enclosures of a scoreboard has met them by another way.
"""
