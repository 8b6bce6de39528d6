"""A model of what AWS does with the scaling policies, as documented; for tests and simulations."""
