"""Figures about EC2 instance types: attributes, prices, interruption bands, measured encoding speed.

Read from files with bounds, or from AWS by `aws.ec2_catalogue`. `matching` finds the types of a pool,
`price_protection` those whose price AWS accepts.
"""

from eddyline.fleet.catalogue.catalogue import Catalogue

__all__ = ["Catalogue"]
