"""Paradex: an account on Starknet, orders signed on the Stark curve, JSON web tokens, an index for funding."""
