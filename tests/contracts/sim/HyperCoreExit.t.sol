// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {PrimeVault} from "../../../contracts/PrimeVault.sol";
import {UnwindStep} from "../../../contracts/interfaces/IHyperCoreVenue.sol";
import {ErrorsLib} from "../../../contracts/libraries/ErrorsLib.sol";
import {CoreOrder} from "../../../contracts/libraries/CoreWriterLib.sol";
import {CoreReadLib} from "../../../contracts/libraries/CoreReadLib.sol";
import {VenueErrorsLib} from "../../../contracts/libraries/VenueErrorsLib.sol";
import {HyperCoreVenue} from "../../../contracts/venues/HyperCoreVenue.sol";
import {TestFactory} from "../PrimeVaultBase.sol";
import {HyperCoreSimBase} from "./HyperCoreSimBase.sol";

/// @notice The real vault and venue over the local HyperCore: a position is open, the keeper disappears, strangers bring the
/// money home, and everybody is paid pro rata.
abstract contract HyperCoreExitBase is HyperCoreSimBase {
    address internal constant CURATOR = address(0xC0);
    address internal constant KEEPER = address(0xCE);
    address internal constant STRANGER = address(0xBAD);
    address internal constant TRADER = address(0xA1);
    uint128 internal constant ENTRY_CLOID = 11;
    uint128 internal constant RESTING_CLOID = 12;

    PrimeVault internal vault;
    HyperCoreVenue internal venue;
    address[3] internal clients = [address(0x101), address(0x102), address(0x103)];
    uint64[3] internal stakes = [30_000e6, 10_000e6, 777_777_777];

    function setUp() public virtual {
        setUpCore();
        address[] memory keepers = new address[](2);
        (keepers[0], keepers[1]) = (KEEPER, address(0xCF));
        TestFactory factory = new TestFactory();
        vault = factory.vault(address(usdc), address(this), CURATOR, keepers);
        venue = new HyperCoreVenue(address(vault), address(usdc), address(core), address(core));
        factory.setTier(address(venue), 1);
        vm.startPrank(CURATOR);
        vault.addVenue(address(venue), 1e13, 10_000);
        venue.approveTrader(TRADER);
        vm.stopPrank();
        // What clients win somebody has lost to the house.
        usdc.mint(address(core), 1e15);
        usdc.mint(address(this), 100_000e6);
        usdc.approve(address(vault), type(uint256).max);
        vault.fundInsurance(100e6);
        for (uint256 i; i < 3; ++i) {
            vault.openAccount(clients[i], stakes[i]);
        }
        activate();
    }

    /// @dev C5's steps, then 35,000 on perp and an agent.
    function activate() internal {
        depositFor(address(venue), 2 * USDC, SPOT_DEX);
        pass(15);
        vm.startPrank(KEEPER);
        venue.setUp();
        pass(2);
        vault.send(address(venue), 35_000e6);
        pass(15);
        venue.confirm();
        venue.toPerp(35_000e6);
        pass(2);
        venue.authorizeTrader(TRADER, uint40(block.timestamp + 7 days));
        vm.stopPrank();
        pass(2);
    }

    function trade(bool isBuy, uint64 lots) internal {
        uint64 limit = isBuy ? 2_010e8 : 1_990e8;
        core.orderByAgent(TRADER, address(venue), CoreOrder(ETH, isBuy, limit, lots * 1e6, false, 3, ENTRY_CLOID));
    }

    function exit() internal {
        pass(72 hours);
        vault.triggerExit(0);
        pass(24 hours);
        vault.triggerExit(0);
        assertTrue(vault.exiting(), "exit");
    }

    function step(UnwindStep kind, uint32 asset, uint128 value) internal {
        vm.prank(STRANGER);
        vault.unwind(address(venue), abi.encode(kind, asset, value));
    }

    function expectRefused(UnwindStep kind, uint32 asset, uint128 value, bytes4 reason) internal {
        vm.prank(STRANGER);
        vm.expectRevert(reason);
        venue.unwind(abi.encode(kind, asset, value));
    }

    function size() internal view returns (int64) {
        return CoreReadLib.positionSize(address(venue), ETH);
    }

    function magnitude() internal view returns (uint256) {
        return size() < 0 ? uint256(-int256(size())) : uint256(int256(size()));
    }

    /// @dev X4: no step ever makes the position larger.
    function closeAll() internal {
        while (size() != 0) {
            uint256 before = magnitude();
            step(UnwindStep.Reduce, ETH, type(uint128).max);
            pass(30);
            assertLe(magnitude() + 1, before, "X4: each step reduces");
        }
    }

    /// @dev Whatever lies on perp to spot, and home but for the reserve.
    function bringHome() internal {
        step(UnwindStep.ToSpot, 0, uint128(uint256(int256(CoreReadLib.accountValue(address(venue))))));
        pass(2);
        (uint64 spot,) = CoreReadLib.spotUsdc(address(venue));
        step(UnwindStep.Recall, 0, (spot - 5 * SPOT) / 100);
        pass(3);
        vault.sync(address(venue));
    }
}

contract HyperCoreExitTest is HyperCoreExitBase {
    /// @dev Long or short, won or lost, claimed in any order and in between: pro rata of what came home, and all of it.
    function testFuzz_E3_E4_StrangersUnwindAndEverybodyIsPaidProRata(
        bool isLong,
        uint64 lots,
        uint256 price,
        uint256 order
    ) public {
        lots = uint64(bound(lots, 100, 5_000));
        trade(isLong, lots);
        price = bound(price, 17_000, 23_000) * 1_000; // 1,700.0 to 2,300.0
        core.setPrice(ETH, uint64(price), 5_000, type(uint64).max);
        core.payFunding(ETH, 1e6);
        exit();
        step(UnwindStep.RevokeTrader, 0, 0);
        pass(2);
        assertFalse(core.isAgent(TRADER, address(venue)), "revoked");

        uint256 first = order % 3;
        vault.claimExit(first + 1); // an instalment: the idle cash
        closeAll();
        vault.claimExit((first + 1) % 3 + 1);
        bringHome();

        uint256 recovered = vault.idle() + vault.totalExitPaid() - vault.payables();
        for (uint256 i; i < 3; ++i) {
            vault.claimExit((first + i) % 3 + 1);
        }
        uint256 paid;
        for (uint256 i; i < 3; ++i) {
            uint256 balance = usdc.balanceOf(clients[i]);
            assertEq(balance, uint256(stakes[i]) * recovered / vault.sumEquity(), "X3: its share, rounded down");
            paid += balance;
        }
        assertLe(paid, recovered, "X2: never more than came home");
        assertLe(recovered, paid + 2, "and nothing of it is left over");
        assertLe(spotOf(address(venue)), 5 * SPOT + 99, "a fee reserve stays behind");
    }

    function test_E4_NothingBeforeExit() public {
        trade(true, 100);
        for (uint8 kind; kind <= uint8(UnwindStep.Recall); ++kind) {
            expectRefused(UnwindStep(kind), ETH, 1e6, VenueErrorsLib.NotExiting.selector);
        }
        vm.prank(STRANGER);
        vm.expectRevert(ErrorsLib.NotExiting.selector);
        vault.unwind(address(venue), abi.encode(UnwindStep.RevokeTrader, uint32(0), uint128(0)));
    }

    function testFuzz_E4_MalformedStepsAreRefused(bytes calldata garbage) public {
        vm.assume(garbage.length < 96 || uint256(bytes32(garbage[:32])) > uint8(UnwindStep.Recall));
        exit();
        vm.prank(STRANGER);
        (bool ok,) = tried(address(venue), abi.encodeCall(venue.unwind, (garbage)));
        assertFalse(ok, "not a step");
    }

    /// @dev A stranger's wrong amounts are dropped by Core and cost nobody anything.
    function testFuzz_E4_WrongAmountsAreDroppedHarmlessly(uint64 toSpot, uint64 home, uint64 oid, uint128 cloid)
        public
    {
        exit();
        uint256 value = uint256(int256(CoreReadLib.accountValue(address(venue))));
        toSpot = uint64(bound(toSpot, value + 1, type(uint64).max));
        home = uint64(bound(home, 2e6, type(uint64).max / 100));
        step(UnwindStep.ToSpot, 0, toSpot);
        step(UnwindStep.Recall, 0, home);
        step(UnwindStep.CancelByOid, ETH, oid);
        step(UnwindStep.CancelByCloid, ETH, cloid);
        pass(4);
        assertEq(core.dropped(), 4, "dropped");
        assertEqInt(CoreReadLib.accountValue(address(venue)), int256(value), "as before");
    }

    function test_E4_RestingOrdersAreCancelledByAnyone() public {
        CoreOrder memory resting = CoreOrder(ETH, true, 1_900e8, 100e6, false, 2, RESTING_CLOID);
        core.orderByAgent(TRADER, address(venue), resting);
        resting.cloid = RESTING_CLOID + 1;
        core.orderByAgent(TRADER, address(venue), resting);
        exit();
        step(UnwindStep.CancelByCloid, ETH, RESTING_CLOID);
        step(UnwindStep.CancelByOid, ETH, uint64(core.openOrder(address(venue), RESTING_CLOID + 1)));
        pass(2);
        assertEq(core.openOrder(address(venue), RESTING_CLOID), 0, "by client order id");
        assertEq(core.openOrder(address(venue), RESTING_CLOID + 1), 0, "by number");
    }

    function test_E4_RevocationIsRepeatableByAnyoneEachMinute() public {
        exit();
        step(UnwindStep.RevokeTrader, 0, 0);
        (address first,) = venue.trader();
        expectRefused(UnwindStep.RevokeTrader, 0, 0, VenueErrorsLib.TooEarly.selector);
        pass(60);
        step(UnwindStep.RevokeTrader, 0, 0);
        (address second,) = venue.trader();
        assertTrue(first != second, "another address");
    }

    /// @dev 50 ETH: a tenth is 10,000 USDC, so 25,000 a window: 12.5 ETH.
    function test_E5_AtMost25000UsdcPerAssetAnd30Seconds() public {
        trade(true, 5_000);
        exit();
        step(UnwindStep.Reduce, ETH, 1_000);
        step(UnwindStep.Reduce, ETH, 1_000);
        expectRefused(UnwindStep.Reduce, ETH, 1, VenueErrorsLib.QuotaUsed.selector);
        pass(29);
        assertEqInt(size(), 5_000 - 1_250, "the second was cut");
        expectRefused(UnwindStep.Reduce, ETH, 1, VenueErrorsLib.QuotaUsed.selector);
        pass(1);
        step(UnwindStep.Reduce, ETH, 5_000);
        pass(4);
        assertEqInt(size(), 5_000 - 2_500, "the next window");
    }

    /// @dev 200 ETH: a tenth is 20 ETH, more than 25,000 USDC; and it stays a tenth of the position at exit.
    function test_E5_ATenthOfALargePositionPerWindow() public {
        trade(true, 20_000);
        exit();
        for (uint256 i; i < 10; ++i) {
            step(UnwindStep.Reduce, ETH, type(uint128).max);
            pass(30);
            assertEqInt(size(), int256(20_000 - 2_000 * (i + 1)), "a tenth of what it was at exit");
        }
    }

    function testFuzz_E5_BandWidensHalfAPercentAnHourToTen(uint256 hours_, bool isLong) public {
        hours_ = bound(hours_, 0, 48);
        trade(isLong, 100);
        exit();
        uint256 bps = 50 + 50 * hours_;
        if (bps > 1_000) bps = 1_000;
        // The market is a hair inside, then a hair outside the band.
        uint64 distance = uint64(2_000e4 * bps / 10_000);
        pass(hours_ * 1 hours);
        marketAt(distance + 1_000);
        step(UnwindStep.Reduce, ETH, 100);
        pass(4);
        assertEqInt(size(), isLong ? int64(100) : int64(-100), "beyond the band");
        pass(26);
        marketAt(distance);
        step(UnwindStep.Reduce, ETH, 100);
        pass(4);
        assertEqInt(size(), 0, "within it");
    }

    /// @dev Bid and ask that far from an oracle of 2,000.
    function marketAt(uint64 half) internal {
        core.setPrice(ETH, ETH_PRICE, half, type(uint64).max);
    }

    function test_E5_RevertWhen_NoPositionOrTooSmall() public {
        trade(true, 100);
        exit();
        expectRefused(UnwindStep.Reduce, 2, 100, VenueErrorsLib.NoPosition.selector);
        expectRefused(UnwindStep.Reduce, ETH, 0, VenueErrorsLib.TooSmall.selector);
        expectRefused(UnwindStep.ToSpot, 0, 0, VenueErrorsLib.ZeroAmount.selector);
        expectRefused(UnwindStep.Recall, 0, 1e6 - 1, VenueErrorsLib.TooSmall.selector);
    }

    /// @dev E3: nothing on the way out asks who the roles are, or what they have set.
    function test_E3_RolesCannotStandInTheWay() public {
        trade(true, 2_000);
        vm.prank(CURATOR);
        vault.setSuspended(address(venue), true);
        pass(1 minutes);
        vm.prank(KEEPER);
        vault.recall(address(venue), 1_000e6); // left open
        exit();
        closeAll();
        bringHome();
        uint256 paid;
        for (uint256 id = 1; id <= 3; ++id) {
            paid += vault.claimExit(id);
        }
        assertLe(40_000e6, paid, "paid out");
    }

    /// @dev E4: broken reads stop orders alone.
    function test_E4_MoneyComesHomeWithoutAnyRead() public {
        exit();
        for (uint160 precompile = 0x800; precompile <= 0x813; ++precompile) {
            vm.etch(address(precompile), hex"fe");
        }
        step(UnwindStep.RevokeTrader, 0, 0);
        step(UnwindStep.CancelByCloid, ETH, 1);
        step(UnwindStep.ToSpot, 0, 35_000e6);
        pass(2);
        step(UnwindStep.Recall, 0, 34_990e6);
        pass(3);
        assertEq(vault.sync(address(venue)), 34_990e6, "home");
        vm.prank(STRANGER);
        vm.expectRevert();
        venue.unwind(abi.encode(UnwindStep.Reduce, ETH, uint128(1)));
    }

    function test_G4_DonationsAreSharedAndHarmNobody() public {
        exit();
        usdc.mint(address(venue), 500e6);
        depositFor(address(venue), 500e6, SPOT_DEX);
        pass(15);
        bringHome();
        uint256 paid;
        for (uint256 id = 1; id <= 3; ++id) {
            paid += vault.claimExit(id);
        }
        assertLe(40_777e6 + 900e6, paid, "more than all is paid too");
    }
}
