"""HLS and DASH packages, and the checks of them."""
