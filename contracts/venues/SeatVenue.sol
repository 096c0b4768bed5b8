// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {Attestation, IAttestor} from "../interfaces/IAttestor.sol";
import {ISeatVenue} from "../interfaces/ISeatVenue.sol";
import {IVenue} from "../interfaces/IVenue.sol";
import {VenueErrorsLib} from "../libraries/VenueErrorsLib.sol";

// timestamp: every span here is a minute or more; a block's time can be bent by seconds.
// slither-disable-start timestamp

/// @title SeatVenue
/// @notice Tier T2: an account at a venue that a contract cannot control. Its equity is what m of n attestors sign.
///
/// TRUST. An honest majority of the attestors for the equity, and the custodian of the account's master key for bringing money
/// home. What leaves here goes to one fixed deposit address; what arrives goes to the vault.
///
/// QUIET. The seat is quiet when the venue has credited all that was ever sent: an attestation counts only if its `received`
/// equals `sentTotal`. So it is part of `observe`, and `quiet()` itself has nothing to refuse.
///
/// LIMITS. While a withdrawal is between venue and chain the attested equity lacks it; keepers do not mark then. Strangers
/// cannot unwind: in exit what comes home is what the custodian sends.
contract SeatVenue is ISeatVenue {
    using SafeCast for uint256;
    using SafeERC20 for IERC20;

    uint256 internal constant MAX_AGE = 15 minutes;
    uint256 internal constant RECALL_TIME = 24 hours;

    /// @inheritdoc IVenue
    address public immutable vault;
    IERC20 internal immutable asset;
    /// @inheritdoc ISeatVenue
    address public immutable attestor;
    /// @inheritdoc IVenue
    address public immutable account;
    /// @inheritdoc ISeatVenue
    address public immutable depositAddress;

    /// @inheritdoc ISeatVenue
    uint64 public sentTotal;
    /// @inheritdoc ISeatVenue
    uint64 public collectedTotal;

    /// @inheritdoc ISeatVenue
    uint64 public lastNonce;
    uint64 internal lastAsOf;
    int64 internal lastEquity;

    /// @dev What was asked for and has not come, and when it was last asked for.
    uint64 internal recalling;
    uint40 internal recalledAt;

    constructor(address vault_, address asset_, address attestor_, address account_, address depositAddress_) {
        require(
            vault_ != address(0) && asset_ != address(0) && attestor_ != address(0) && account_ != address(0)
                && depositAddress_ != address(0),
            VenueErrorsLib.ZeroAddress()
        );
        vault = vault_;
        asset = IERC20(asset_);
        attestor = attestor_;
        account = account_;
        depositAddress = depositAddress_;
    }

    /* VAULT */

    /// @inheritdoc IVenue
    function send(uint64 amount) external {
        _onlyVault();
        sentTotal += amount;
        emit Forwarded(amount, sentTotal);
        asset.safeTransfer(depositAddress, amount);
    }

    /// @inheritdoc IVenue
    /// @dev Only asks: the custodian, who watches the event, withdraws from the venue to this address. Further requests add
    /// up: the venue's fee comes off what arrives, so that a request is rarely met to the last dollar.
    function recall(uint64 amount) external {
        _onlyVault();
        require(amount > 0, VenueErrorsLib.ZeroAmount());
        recalling += amount;
        recalledAt = uint40(block.timestamp);
        emit HomeRequested(amount);
    }

    /// @inheritdoc IVenue
    /// @dev A T2 recall has one step.
    function advance() external view {
        _onlyVault();
        revert VenueErrorsLib.NothingToAdvance();
    }

    /// @inheritdoc IVenue
    function lapse() external {
        _onlyVault();
        if (recalling == 0) return;
        require(block.timestamp >= recalledAt + RECALL_TIME, VenueErrorsLib.NotLapsable());
        recalling = 0;
    }

    /// @inheritdoc IVenue
    function collect() external returns (uint64 amount) {
        _onlyVault();
        amount = asset.balanceOf(address(this)).toUint64();
        if (amount == 0) return 0;
        collectedTotal += amount;
        recalling -= amount < recalling ? amount : recalling;
        asset.safeTransfer(vault, amount);
    }

    /// @inheritdoc IVenue
    function observe(bytes calldata attestation)
        external
        returns (int128 value, uint64 asOf, uint64 l1Block, bytes32 sheet)
    {
        _onlyVault();
        (Attestation memory a, bytes[] memory signatures) = abi.decode(attestation, (Attestation, bytes[]));
        require(a.chainId == block.chainid, VenueErrorsLib.WrongChain());
        require(a.vault == vault, VenueErrorsLib.WrongVault());
        require(a.venue == address(this), VenueErrorsLib.WrongVenue());
        require(a.nonce > lastNonce, VenueErrorsLib.NonceNotRising());
        require(a.asOf > lastAsOf, VenueErrorsLib.AsOfNotRising());
        require(a.asOf <= block.timestamp, VenueErrorsLib.AsOfInFuture());
        require(block.timestamp - a.asOf <= MAX_AGE, VenueErrorsLib.AsOfTooOld());
        require(a.received == sentTotal, VenueErrorsLib.ReceivedNotSent());
        // Not "equal": what arrived since `asOf` (a payment, or a stranger's dust in front of this call) is rightly missing.
        // More than ever arrived would be a gain out of nothing.
        require(a.returned <= returnedTotal(), VenueErrorsLib.ReturnedTooMuch());
        IAttestor(attestor).verify(a, signatures);

        (lastNonce, lastAsOf, lastEquity) = (a.nonce, a.asOf, a.equity);
        // `book` fell by all that was collected, so what came home is added back to what is left at the venue.
        value = int128(a.equity) + int128(uint128(a.returned)) - int128(uint128(collectedTotal));
        return (value, a.asOf, 0, a.markSheet);
    }

    /* ANYONE */

    /// @inheritdoc IVenue
    /// @dev The account's master key is the custodian's: in exit as before, `recall` asks it and nobody can make it.
    function unwind(bytes calldata) external pure {
        revert VenueErrorsLib.CannotUnwind();
    }

    /* VIEWS */

    /// @inheritdoc ISeatVenue
    function returnedTotal() public view returns (uint64) {
        return (collectedTotal + asset.balanceOf(address(this))).toUint64();
    }

    /// @inheritdoc IVenue
    function equity() external view returns (int64 value, uint64 asOf) {
        return (lastEquity, lastAsOf);
    }

    /// @inheritdoc IVenue
    /// @dev Sizes and prices of a T2 seat are in its mark sheet.
    function assetOf(uint32) external pure returns (int64, uint64) {
        revert VenueErrorsLib.NoAssets();
    }

    /// @inheritdoc IVenue
    /// @dev See QUIET above.
    function quiet() external pure returns (bool) {
        return true;
    }

    /* INTERNAL */

    function _onlyVault() internal view {
        require(msg.sender == vault, VenueErrorsLib.NotVault());
    }
}

// slither-disable-end timestamp
