"""What a simulated fleet has to do: arrivals of assets, generated or recorded."""
