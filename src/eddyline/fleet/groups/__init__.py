"""How decisions of the scaler change the two Auto Scaling groups of a pool. Pure."""
