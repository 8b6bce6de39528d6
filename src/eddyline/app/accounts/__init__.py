"""What work cost: reads starts, instances and prices, and accounts them (`fleet/accounts`)."""
