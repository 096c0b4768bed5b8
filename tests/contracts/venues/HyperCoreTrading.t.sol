// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {IHyperCoreVenue} from "../../../contracts/interfaces/IHyperCoreVenue.sol";
import {CoreReadLib} from "../../../contracts/libraries/CoreReadLib.sol";
import {CoreOrder, CoreWriterLib} from "../../../contracts/libraries/CoreWriterLib.sol";
import {VenueErrorsLib} from "../../../contracts/libraries/VenueErrorsLib.sol";
import {HyperCoreVenueBase} from "./HyperCoreVenue.t.sol";

/// @notice The agent's key: approval, end, revocation, breaker.
contract HyperCoreVenueKeysTest is HyperCoreVenueBase {
    address internal constant KEY = address(0xA1);
    address internal constant STANDBY = address(0xA2);
    uint40 internal constant UNTIL = uint40(START + 7 days);

    function approve(address key) internal {
        vm.prank(CURATOR);
        venue.approveTrader(key);
    }

    function authorize(address key, uint40 until) internal {
        vm.prank(KEEPER);
        venue.authorizeTrader(key, until);
    }

    function burned(uint256 n) internal view returns (address) {
        return address(uint160(uint256(keccak256(abi.encodePacked("revoked", address(venue), n)))));
    }

    /// @dev An equity that the vault has marked.
    function mark(int64 equity) internal {
        setPerp(address(venue), equity, 0);
        vm.prank(address(vault));
        venue.observe("");
    }

    function strangerRevokes() internal {
        vm.prank(STRANGER);
        venue.revokeTrader();
    }

    function expectStrangerRefused(bytes4 reason) internal {
        vm.prank(STRANGER);
        vm.expectRevert(reason);
        venue.revokeTrader();
    }

    function trip() internal {
        vm.prank(GUARDIAN);
        venue.revokeTrader();
    }

    /* APPROVAL */

    function testFuzz_C6_AnApprovalRipensForThreeDaysOnceThereAreAccounts(uint256 wait) public {
        wait = bound(wait, 0, 10 days);
        vault.setAccountCount(1);
        approve(KEY);
        assertEq(venue.usableFrom(KEY), START + 3 days, "usable from");
        vm.warp(START + wait);
        if (wait < 3 days) vm.expectRevert(VenueErrorsLib.TraderNotApproved.selector);
        authorize(KEY, uint40(block.timestamp + 1 days));
    }

    function testFuzz_C6_AnApprovalIsUsableAtOnceBeforeTheFirstAccount(address key, uint40 until) public {
        vm.assume(key != address(0));
        approve(key);
        authorize(key, uint40(bound(until, START + 1, UNTIL)));
        assertEq(venue.usableFrom(key), type(uint40).max, "used");
    }

    function test_C6_GuardianAndCuratorTakeAnApprovalBack() public {
        approve(KEY);
        vm.prank(STRANGER);
        vm.expectRevert(VenueErrorsLib.NotGuardian.selector);
        venue.disapproveTrader(KEY);
        vm.expectEmit(address(venue));
        emit IHyperCoreVenue.TraderDisapproved(KEY);
        vm.prank(GUARDIAN);
        venue.disapproveTrader(KEY);
        vm.expectRevert(VenueErrorsLib.TraderNotApproved.selector);
        authorize(KEY, UNTIL);
        approve(KEY);
        vm.prank(CURATOR);
        venue.disapproveTrader(KEY);
        vm.prank(CURATOR);
        vm.expectRevert(VenueErrorsLib.TraderNotApproved.selector);
        venue.disapproveTrader(KEY);
    }

    function test_C6_DisapprovingDoesNotGiveAUsedKeyASecondLife() public {
        approve(KEY);
        authorize(KEY, UNTIL);
        vm.prank(GUARDIAN);
        vm.expectRevert(VenueErrorsLib.TraderUsed.selector);
        venue.disapproveTrader(KEY);
    }

    /* END */

    function testFuzz_C6_AnyoneExpiresATraderAfterItsEnd(address who, uint256 wait) public {
        vm.assume(who != address(0));
        wait = bound(wait, 0, 20 days);
        approve(KEY);
        authorize(KEY, UNTIL);
        vm.warp(START + wait);
        if (wait <= 7 days) {
            vm.prank(who);
            vm.expectRevert(VenueErrorsLib.TraderNotExpired.selector);
            venue.expireTrader();
            return;
        }
        expectAction(CoreWriterLib.addApiWallet(burned(1), "perp-prime"));
        vm.expectEmit(address(venue));
        emit IHyperCoreVenue.TraderRevoked(burned(1));
        vm.prank(who);
        venue.expireTrader();
        (address key, uint40 until) = venue.trader();
        assertEq(key, burned(1), "nobody's");
        assertEq(until, 0, "no end");
    }

    function test_C6_RevertWhen_NobodyWasEverEnrolled() public {
        vm.expectRevert(VenueErrorsLib.TraderNotExpired.selector);
        venue.expireTrader();
    }

    /// @dev Core may drop the message. Each repetition burns another address, at most one a minute.
    function testFuzz_C6_ExpiryIsRepeatableEachMinute(uint256 late, uint256 wait) public {
        (late, wait) = (bound(late, 1, 30 days), bound(wait, 0, 120));
        approve(KEY);
        authorize(KEY, UNTIL);
        vm.warp(UNTIL + late);
        venue.expireTrader();
        vm.warp(UNTIL + late + wait);
        if (wait < 60) vm.expectRevert(VenueErrorsLib.TooEarly.selector);
        else expectAction(CoreWriterLib.addApiWallet(burned(2), "perp-prime"));
        venue.expireTrader();
    }

    function test_C6_ARevokedKeyIsNotEnrolledAgainByRepeatingTheCall() public {
        approve(KEY);
        authorize(KEY, UNTIL);
        trip();
        vm.prank(CURATOR);
        vm.expectRevert(VenueErrorsLib.TraderUsed.selector);
        venue.rearm(KEY, UNTIL);
        vm.expectRevert(VenueErrorsLib.Tripped.selector);
        authorize(KEY, UNTIL);
    }

    function test_C6_TheNextKeyEndsTheRepetitions() public {
        approve(KEY);
        authorize(KEY, UNTIL);
        vm.warp(UNTIL + 1);
        venue.expireTrader();
        approve(STANDBY);
        authorize(STANDBY, UNTIL + 2 days);
        vm.warp(UNTIL + 62);
        vm.expectRevert(VenueErrorsLib.TraderNotExpired.selector);
        venue.expireTrader();
    }

    /* BREAKER */

    function test_C6_AGuardianNeedsNoFloorAndMayRepeat() public {
        vm.expectEmit(address(venue));
        emit IHyperCoreVenue.BreakerTripped(GUARDIAN);
        trip();
        assertTrue(venue.tripped(), "tripped");
        expectAction(CoreWriterLib.addApiWallet(burned(2), "perp-prime"));
        trip();
    }

    function testFuzz_C6_FloorIs85PercentOfTheMarkLessRecallsSince(uint64 equity, uint64 recalled) public {
        equity = uint64(bound(equity, 0, 1e15));
        recalled = uint64(bound(recalled, 1, 1e14));
        mark(int64(equity));
        setSpot(address(venue), uint64(recalled * 100 + 5 * SPOT), 0);
        recall(recalled);
        uint256 left = equity > recalled ? equity - recalled : 0;
        assertEq(venue.breakerFloor(), left * 85 / 100, "floor");
        pass(15 minutes);
        lapse();
        setSpot(address(venue), 0, 0);
        mark(int64(equity));
        assertEq(venue.breakerFloor(), uint256(equity) * 85 / 100, "a mark begins anew");
    }

    function testFuzz_C6_TwoCallsOfStrangersTripBelowTheFloor(int64 equity, uint256 wait) public {
        equity = int64(boundInt(equity, -100e6, 85e6 - 1));
        wait = bound(wait, 0, 600);
        mark(100e6);
        setPerp(address(venue), equity, 0);
        vm.expectEmit(address(venue));
        emit IHyperCoreVenue.BreakerArmed(equity > 0 ? equity : int64(0), 85e6);
        strangerRevokes();
        assertFalse(venue.tripped(), "one call is no proof");
        pass(wait);
        if (wait < 60) return expectStrangerRefused(VenueErrorsLib.TooEarly.selector);
        expectAction(CoreWriterLib.addApiWallet(burned(1), "perp-prime"));
        strangerRevokes();
        assertTrue(venue.tripped(), "two are");
    }

    function testFuzz_C6_RevertWhen_EquityIsNotBelowTheFloor(int64 marked, int64 equity) public {
        marked = int64(boundInt(marked, 0, 1e15));
        mark(marked);
        setPerp(address(venue), int64(boundInt(equity, marked * 85 / 100, 1e16)), 0);
        expectStrangerRefused(VenueErrorsLib.AboveFloor.selector);
    }

    /// @dev Prices came back in between: the first call alone trips nothing.
    function testFuzz_C6_RevertWhen_EquityRecoversBetweenTheCalls(int64 low, int64 high, uint256 wait) public {
        mark(100e6);
        setPerp(address(venue), int64(boundInt(low, -100e6, 85e6 - 1)), 0);
        strangerRevokes();
        pass(bound(wait, 60, 600));
        setPerp(address(venue), int64(boundInt(high, 85e6, 200e6)), 0);
        expectStrangerRefused(VenueErrorsLib.AboveFloor.selector);
        assertFalse(venue.tripped(), "not tripped");
    }

    function testFuzz_C6_ASecondCallTooLateIsAFirstOne(uint256 wait) public {
        mark(100e6);
        setPerp(address(venue), 80e6, 0);
        strangerRevokes();
        pass(bound(wait, 601, 30 days));
        strangerRevokes();
        assertFalse(venue.tripped(), "too late for the first");
        pass(600);
        strangerRevokes();
        assertTrue(venue.tripped(), "in time for the second");
    }

    function test_C6_AMoveInBetweenMakesTheSecondCallAFirstOne() public {
        mark(100e6);
        setPerp(address(venue), 80e6, 10e6);
        strangerRevokes();
        vm.prank(KEEPER);
        venue.toSpot(1);
        expectStrangerRefused(VenueErrorsLib.NotQuiet.selector);
        pass(60);
        strangerRevokes();
        assertFalse(venue.tripped(), "moved");
        pass(60);
        strangerRevokes();
        assertTrue(venue.tripped(), "unmoved");
    }

    function testFuzz_C6_RevertWhen_MoneyIsInFlight(uint64 amount, int64 equity, uint256 wait) public {
        mark(100e6);
        sendToVenue(uint64(bound(amount, 1, 1e15)));
        setPerp(address(venue), equity, 0);
        pass(bound(wait, 0, 30 days));
        expectStrangerRefused(VenueErrorsLib.NotQuiet.selector);
    }

    /// @dev A seat that recalls have emptied is not one that lost its money.
    function testFuzz_C6_RecallsDoNotTripIt(uint64 whole, uint64 recalled) public {
        whole = uint64(bound(whole, 10 * USDC, 1e14));
        recalled = uint64(bound(recalled, 1, whole - 5 * USDC));
        setSpot(address(venue), whole * 100, 0);
        mark(0);
        recall(recalled);
        usdc.mint(address(venue), recalled);
        collect();
        setSpot(address(venue), (whole - recalled) * 100, 0);
        pass(61);
        expectStrangerRefused(VenueErrorsLib.AboveFloor.selector);
    }

    function test_C6_RevertWhen_AReadFails() public {
        mark(100e6);
        answer(CoreReadLib.ACCOUNT_MARGIN_SUMMARY, abi.encode(uint32(0), address(venue)), "");
        vm.prank(STRANGER);
        vm.expectRevert(abi.encodeWithSelector(VenueErrorsLib.ReadFailed.selector, CoreReadLib.ACCOUNT_MARGIN_SUMMARY));
        venue.revokeTrader();
        trip();
        assertTrue(venue.tripped(), "the guardian's needs no read");
    }

    /* RE-ARMING */

    function testFuzz_C6_TheCuratorRearmsWithAPreApprovedKey(address standby, uint256 wait) public {
        vm.assume(standby != address(0));
        wait = bound(wait, 0, 6 days);
        vault.setAccountCount(1);
        approve(standby);
        vm.warp(START + wait);
        trip();
        bool ripe = wait >= 3 days;
        if (ripe) expectAction(CoreWriterLib.addApiWallet(standby, "perp-prime"));
        vm.prank(CURATOR);
        if (!ripe) vm.expectRevert(VenueErrorsLib.TraderNotApproved.selector);
        venue.rearm(standby, UNTIL);
        assertTrue(venue.tripped() != ripe, "armed again");
        (address key,) = venue.trader();
        assertEq(key, ripe ? standby : burned(1), "standby");
    }

    function test_C6_RevertWhen_TheStandbyKeyWasApprovedAfterTheFact() public {
        vault.setAccountCount(1);
        trip();
        approve(STANDBY);
        vm.prank(CURATOR);
        vm.expectRevert(VenueErrorsLib.TraderNotApproved.selector);
        venue.rearm(STANDBY, UNTIL);
        assertTrue(venue.tripped(), "stays tripped");
    }

    function testFuzz_C6_RevertWhen_RearmedByAnotherOrWithoutNeed(address who) public {
        vm.assume(who != CURATOR);
        approve(STANDBY);
        vm.prank(CURATOR);
        vm.expectRevert(VenueErrorsLib.NotTripped.selector);
        venue.rearm(STANDBY, UNTIL);
        trip();
        vm.prank(who);
        vm.expectRevert(VenueErrorsLib.NotCurator.selector);
        venue.rearm(STANDBY, UNTIL);
    }

    function test_E2_NoKeyIsEnrolledInExit() public {
        approve(KEY);
        vault.startExit();
        vm.expectRevert(VenueErrorsLib.Exiting.selector);
        authorize(KEY, UNTIL);
        trip();
        vm.prank(CURATOR);
        vm.expectRevert(VenueErrorsLib.Exiting.selector);
        venue.rearm(KEY, UNTIL);
    }

    function testFuzz_E2_NothingGoesBackToPerpInExit(uint64 spot, uint64 amount) public {
        setSpot(address(venue), spot, 0);
        vault.startExit();
        vm.prank(KEEPER);
        vm.expectRevert(VenueErrorsLib.Exiting.selector);
        venue.toPerp(amount);
    }
}

/// @notice The keeper's orders through CoreWriter. The perp: sizes of 0.01, prices of 0.0001, oracle 2,000.
contract HyperCoreVenueOrdersTest is HyperCoreVenueBase {
    uint32 internal constant ETH = 1;
    uint64 internal constant ORACLE = 2_000e4;

    function setUp() public override {
        super.setUp();
        setAsset(ETH, 2, ORACLE);
        vm.prank(CURATOR);
        venue.allowAsset(ETH);
        vault.setBook(10_000e6);
    }

    /// @dev `price` in whole USDC, `lots` of 0.01.
    function order(bool isBuy, uint64 price, uint64 lots) internal pure returns (CoreOrder memory) {
        return CoreOrder({
            asset: ETH, isBuy: isBuy, limitPx: price * 1e8, size: lots * 1e6, reduceOnly: false, tif: 3, cloid: 77
        });
    }

    function place(CoreOrder memory o) internal {
        vm.prank(KEEPER);
        venue.placeOrder(o);
    }

    function expectRefused(CoreOrder memory o, bytes4 reason) internal {
        vm.prank(KEEPER);
        vm.expectRevert(reason);
        venue.placeOrder(o);
    }

    function spent() internal view returns (uint256 amount) {
        (, amount) = venue.bucket();
    }

    function testFuzz_C7_OrderReachesCoreAsItIs(bool isBuy, uint64 price, uint64 lots, uint8 tif, uint128 cloid)
        public
    {
        (price, lots) = (uint64(bound(price, 1_900, 2_100)), uint64(bound(lots, 1, 100)));
        CoreOrder memory o = order(isBuy, price, lots);
        (o.tif, o.cloid) = (uint8(bound(tif, 1, 3)), uint128(bound(cloid, 1, type(uint128).max)));
        expectAction(CoreWriterLib.limitOrder(o));
        vm.expectEmit(address(venue));
        emit IHyperCoreVenue.OrderAsked(o.cloid, ETH, isBuy, o.limitPx, o.size, false, o.tif);
        place(o);
        assertTrue(venue.quiet(), "an order starts no clock");
    }

    function testFuzz_C7_RevertWhen_CallerIsNotAKeeper(address who) public {
        vm.assume(who != KEEPER);
        vm.startPrank(who);
        vm.expectRevert(VenueErrorsLib.NotKeeper.selector);
        venue.placeOrder(order(true, 2_000, 1));
        vm.expectRevert(VenueErrorsLib.NotKeeper.selector);
        venue.cancelByOid(ETH, 1);
        vm.expectRevert(VenueErrorsLib.NotKeeper.selector);
        venue.cancelByCloid(ETH, 1);
        vm.stopPrank();
    }

    /// @dev Spot (10000 and up) and other dexes are out of reach, with or without reduce-only.
    function testFuzz_C7_RevertWhen_AssetIsNoPerpOfTheMainDex(uint32 asset, bool reduceOnly) public {
        asset = uint32(bound(asset, 10_000, type(uint32).max));
        setAsset(asset, 2, ORACLE);
        CoreOrder memory o = order(true, 2_000, 1);
        (o.asset, o.reduceOnly) = (asset, reduceOnly);
        expectRefused(o, VenueErrorsLib.AssetNotAllowed.selector);
        vm.prank(CURATOR);
        vm.expectRevert(VenueErrorsLib.AssetNotAllowed.selector);
        venue.allowAsset(asset);
    }

    function testFuzz_C7_RevertWhen_AssetIsNotInTheList(uint32 asset) public {
        asset = uint32(bound(asset, 2, 9_999));
        setAsset(asset, 2, ORACLE);
        CoreOrder memory o = order(true, 2_000, 1);
        o.asset = asset;
        expectRefused(o, VenueErrorsLib.AssetNotAllowed.selector);
        o.reduceOnly = true;
        place(o);
    }

    function testFuzz_C7_AnAssetIsListedAfterThreeDaysOnceThereAreAccounts(uint256 wait) public {
        wait = bound(wait, 0, 10 days);
        vault.setAccountCount(1);
        setAsset(5, 2, ORACLE);
        vm.prank(CURATOR);
        venue.allowAsset(5);
        vm.warp(START + wait);
        CoreOrder memory o = order(true, 2_000, 1);
        o.asset = 5;
        if (wait < 3 days) expectRefused(o, VenueErrorsLib.AssetNotAllowed.selector);
        else place(o);
    }

    function test_C7_GuardianTakesAnAssetOffTheListAtOnce() public {
        vm.prank(STRANGER);
        vm.expectRevert(VenueErrorsLib.NotGuardian.selector);
        venue.disallowAsset(ETH);
        vm.prank(GUARDIAN);
        venue.disallowAsset(ETH);
        expectRefused(order(true, 2_000, 1), VenueErrorsLib.AssetNotAllowed.selector);
        vm.prank(GUARDIAN);
        vm.expectRevert(VenueErrorsLib.AssetNotAllowed.selector);
        venue.disallowAsset(ETH);
        vm.prank(KEEPER);
        vm.expectRevert(VenueErrorsLib.NotCurator.selector);
        venue.allowAsset(ETH);
    }

    function testFuzz_C7_RevertWhen_TimeInForceIsNone(uint8 tif) public {
        CoreOrder memory o = order(true, 2_000, 1);
        o.tif = tif;
        if (tif >= 1 && tif <= 3) place(o);
        else expectRefused(o, VenueErrorsLib.BadTif.selector);
    }

    function test_C7_RevertWhen_ThereIsNoClientOrderId() public {
        CoreOrder memory o = order(true, 2_000, 1);
        o.cloid = 0;
        expectRefused(o, VenueErrorsLib.CloidMissing.selector);
    }

    function test_C7_RevertWhen_OffTickOrOffLot() public {
        CoreOrder memory o = order(true, 2_000, 1);
        o.limitPx += 1e4; // a decimal more than the asset has: 0.0001
        o.limitPx += 1;
        expectRefused(o, VenueErrorsLib.OffTick.selector);
        o.limitPx = 2_000e8 + 1e6; // 2000.01: six figures
        expectRefused(o, VenueErrorsLib.OffTick.selector);
        o.limitPx = 2_000e8 + 1e7; // 2000.1: five
        o.size = 1e6 + 1;
        expectRefused(o, VenueErrorsLib.OffLot.selector);
        o.size = 0;
        expectRefused(o, VenueErrorsLib.OffLot.selector);
        o.size = 1e6;
        place(o);
    }

    /// @dev Whatever the time in force, the side, and whether it reduces: an order that rests far away is taken later.
    function testFuzz_C7_BandHoldsForEveryOrder(uint64 price, bool isBuy, bool reduceOnly, uint8 tif) public {
        price = uint64(bound(price, 1, 4_000));
        CoreOrder memory o = order(isBuy, price, 1);
        (o.reduceOnly, o.tif) = (reduceOnly, uint8(bound(tif, 1, 3)));
        if (price < 1_900 || price > 2_100) expectRefused(o, VenueErrorsLib.OutOfBand.selector);
        else place(o);
    }

    /// @dev 1% of 10,000 USDC: 100 USDC.
    function testFuzz_C7_BucketIsDebitedByNotionalTimesAdverseDistance(uint64 price, uint64 lots, bool isBuy) public {
        price = uint64(bound(price, 1_900, 2_100));
        lots = uint64(bound(lots, 1, 300));
        int256 distance = int256(uint256(price)) - 2_000;
        if (!isBuy) distance = -distance;
        uint256 cost = distance > 0 ? uint256(distance) * lots * 1e4 : 0;
        if (cost > 100e6) {
            expectRefused(order(isBuy, price, lots), VenueErrorsLib.BucketEmpty.selector);
            assertEq(spent(), 0, "nothing debited");
        } else {
            place(order(isBuy, price, lots));
            assertEq(spent(), cost, "debited");
        }
    }

    function test_C7_BucketRefillsOver24Hours() public {
        place(order(true, 2_100, 100)); // 1 coin, 100 away: all of it
        assertEq(spent(), 100e6, "empty");
        expectRefused(order(true, 2_001, 1), VenueErrorsLib.BucketEmpty.selector);
        place(order(true, 2_000, 1)); // at the oracle it costs nothing
        pass(12 hours);
        assertEq(spent(), 50e6, "half of it");
        place(order(false, 1_950, 100));
        expectRefused(order(true, 2_001, 1), VenueErrorsLib.BucketEmpty.selector);
        pass(24 hours);
        assertEq(spent(), 0, "full");
    }

    /// @dev However a keeper times it: a full bucket, and what flows in.
    function testFuzz_C7_NoMoreThanTheBucketAndItsRefill(uint256[8] memory waits) public {
        uint256 total;
        uint256 end = START;
        for (uint256 i; i < waits.length; ++i) {
            uint256 wait = bound(waits[i], 0, 12 hours);
            pass(wait);
            end += wait;
            (uint256 limit, uint256 used) = venue.bucket();
            uint64 lots = uint64((limit - used) / 1e6);
            if (lots == 0) continue;
            place(order(true, 2_100, lots));
            total += uint256(lots) * 1e6;
        }
        assertLe(total, 100e6 + 100e6 * (end - START) / 24 hours, "1% at once, 1% a day");
    }

    function testFuzz_C7_ReduceOnlyDebitsNothing(bool isBuy, uint64 price, uint64 lots) public {
        CoreOrder memory o = order(isBuy, uint64(bound(price, 1_900, 2_100)), uint64(bound(lots, 1, 1_000_000)));
        o.reduceOnly = true;
        place(o);
        assertEq(spent(), 0, "untouched");
    }

    function testFuzz_C7_WithoutABookOnlyOrdersAtTheOracleOrBetter(int128 book) public {
        vault.setBook(int128(boundInt(book, type(int128).min, 0)));
        expectRefused(order(true, 2_001, 1), VenueErrorsLib.BucketEmpty.selector);
        place(order(true, 2_000, 1));
    }

    function testFuzz_C6_TheKeeperKeepsReduceOnlyOrdersWhenTheBreakerHasTripped(bool isBuy, uint64 price, uint64 lots)
        public
    {
        vm.prank(GUARDIAN);
        venue.revokeTrader();
        CoreOrder memory o = order(isBuy, uint64(bound(price, 1_900, 2_100)), uint64(bound(lots, 1, 1_000_000)));
        expectRefused(o, VenueErrorsLib.Tripped.selector);
        o.reduceOnly = true;
        place(o);
    }

    function testFuzz_E2_InExitTheKeeperOnlyReducesAndCancels(bool isBuy, uint64 price, uint128 cloid) public {
        vault.startExit();
        CoreOrder memory o = order(isBuy, uint64(bound(price, 1_900, 2_100)), 1);
        expectRefused(o, VenueErrorsLib.Exiting.selector);
        o.reduceOnly = true;
        place(o);
        expectAction(CoreWriterLib.cancelByCloid(ETH, cloid));
        vm.prank(KEEPER);
        venue.cancelByCloid(ETH, cloid);
    }

    function testFuzz_C7_CancelsReachCore(uint32 asset, uint64 oid) public {
        expectAction(CoreWriterLib.cancelByOid(asset, oid));
        vm.expectEmit(address(venue));
        emit IHyperCoreVenue.CancelAsked(asset, oid, 0);
        vm.prank(KEEPER);
        venue.cancelByOid(asset, oid);
    }

    function test_C10_RevertWhen_AReadFails() public {
        answer(CoreReadLib.ORACLE_PRICE, abi.encode(ETH), "");
        vm.prank(KEEPER);
        vm.expectRevert(abi.encodeWithSelector(VenueErrorsLib.ReadFailed.selector, CoreReadLib.ORACLE_PRICE));
        venue.placeOrder(order(true, 2_000, 1));
        answer(CoreReadLib.PERP_ASSET_INFO, abi.encode(ETH), "");
        vm.prank(KEEPER);
        vm.expectRevert(abi.encodeWithSelector(VenueErrorsLib.ReadFailed.selector, CoreReadLib.PERP_ASSET_INFO));
        venue.placeOrder(order(true, 2_000, 1));
    }
}
