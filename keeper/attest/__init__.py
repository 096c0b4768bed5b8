"""Attestors of a tier-2 seat: what they sign, how they re-derive it, and how a keeper collects their signatures.

An attestor believes nobody: not the keeper's figures, nor the venue's own totals. It adds up every fill, payment and
movement the venue shows, follows the USDC on the chain, and compares (rules C8 and J3).
"""
