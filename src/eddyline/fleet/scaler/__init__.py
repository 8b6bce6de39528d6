"""The scaler of Eddyline: pure deciders of capacity, purchase and scale-in, on counts."""
