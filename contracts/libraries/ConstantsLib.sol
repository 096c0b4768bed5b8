// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

/// @dev Sub-accounts per vault: one commit of all of them fits one block of 2M gas.
uint256 constant MAX_ACCOUNTS = 1024;

/// @dev Storage words of four lanes each.
uint256 constant LANE_WORDS = 256;

/// @dev Venues per vault: bounds every loop over them.
uint256 constant MAX_VENUES = 8;

/// @dev Closings carried out at the end of one commit; the rest wait for the next.
uint256 constant MAX_CLOSINGS = 8;

/// @dev Keepers at deployment, at least.
uint256 constant MIN_KEEPERS = 2;

/// @dev First deposit of a sub-account, at least: 100 USDC.
uint64 constant MIN_OPENING = 100e6;

/// @dev Insurance before the first sub-account, at least: 100 USDC.
uint64 constant MIN_INSURANCE = 100e6;

/// @dev A withdrawal smaller than the whole lane, at least: 10 USDC.
uint64 constant MIN_TICKET = 10e6;

/// @dev A venue is removed only when its book is at most this far from zero: 10 USDC.
uint64 constant MAX_REMOVED_BOOK = 10e6;

/// @dev Seconds between commits, at least.
uint256 constant COMMIT_INTERVAL = 10 minutes;

/// @dev Age of a mark at the commit that uses it, at most (seconds).
uint256 constant MAX_MARK_AGE = 15 minutes;

/// @dev Age of the last mark of a T2 venue in a full commit, at most (seconds).
uint256 constant MAX_ATTESTED_AGE = 24 hours;

/// @dev Length of the window in which net sends to a venue are limited (seconds).
uint256 constant SEND_WINDOW = 24 hours;

/// @dev Age of an empty sub-account that a keeper may close, at least (seconds).
uint256 constant DORMANT_AFTER = 30 days;

/// @dev Right of a delegate: sign orders. The vault stores it, the keeper checks it.
uint8 constant TRADE = 1;

/// @dev Right of a delegate: deposit into the sub-account.
uint8 constant DEPOSIT_FOR = 2;

/// @dev Trust tiers: the contract reads equity itself; equity is attested.
uint8 constant TIER_READ = 1;
uint8 constant TIER_ATTESTED = 2;

/// @dev 100% in basis points.
uint16 constant FULL_BPS = 10_000;

/// @dev Gas given to a venue's view in `solvency`.
uint256 constant VIEW_GAS = 200_000;
