"""The Lambda functions of the fleet: general drain, Spot drain and Spot metrics.

They are deployed as one zip file (`make lambdas`) of this package and the modules that it imports, without
any dependency but boto3, which the Lambda runtime contains. boto3 is imported inside functions.
"""
