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

/// @dev What an attested book may rise in a day, in basis points, when its venue is listed.
uint16 constant DEFAULT_BAND_BPS = 500;

/// @dev Length of the window of an attested venue's band (seconds).
uint256 constant BAND_WINDOW = 24 hours;

/// @dev Time in quarantine before release (seconds).
uint256 constant QUARANTINE_TIME = 24 hours;

/// @dev Length of the window in which approvals of young tickets are limited, and the age that exempts one (seconds).
uint256 constant OUTFLOW_WINDOW = 24 hours;

/// @dev Of equity, what approvals of young tickets may take out per window: 10%.
uint256 constant OUTFLOW_SHARE = 10;

/// @dev Fees per day, at most: 0.60% of equity, in parts per million.
uint16 constant MAX_FEE_PPM = 6_000;

/// @dev Days of fees that can be saved up.
uint256 constant FEE_DAYS = 3;

/// @dev Parts of the whole in `feeCapPpm`.
uint256 constant MILLION = 1_000_000;

/// @dev No full commit, or an open deficit, for so long: exit may be armed (seconds).
uint256 constant STALE_AFTER = 72 hours;
uint256 constant DEFICIT_AFTER = 72 hours;

/// @dev A ticket unserved for so long: exit may be armed (seconds).
uint256 constant OVERDUE_AFTER = 7 days;

/// @dev From arming exit to its start, at least (seconds).
uint256 constant EXIT_DELAY = 24 hours;

/// @dev Timelocks: of what admits more risk, of a new keeper, of the rest; the longest that can be set (seconds).
uint40 constant LONG_DELAY = 10 days;
uint40 constant KEEPER_DELAY = 48 hours;
uint40 constant SHORT_DELAY = 3 days;
uint40 constant MAX_DELAY = 30 days;

/// @dev Announced calls may be made for so long after their timelock (seconds).
uint256 constant ANNOUNCED_FOR = 14 days;

/// @dev A guardian cuts a cap to no less than this share of the book, in basis points.
uint256 constant MIN_CAP_OF_BOOK_BPS = 12_500;
