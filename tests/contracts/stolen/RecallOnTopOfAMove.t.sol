// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {StolenKeyBase} from "./StolenKeyBase.sol";

/// @notice C2, C6 broken: a recall asked for before a perp -> spot move has landed takes a spot balance that is too small as
/// the one before it. Core pays out, the move lands, spot looks as if it had not fallen, anyone lapses after 15 minutes, and
/// the venue is quiet while the payout is still under way: a mark books it as a loss.
contract RecallOnTopOfAMoveTest is StolenKeyBase {
    function test_C2_ARecallOnTopOfAMoveIsNotTakenForDropped() public {
        core.setDelays(5, 3, 3, 2 hours); // the payout is late
        vm.startPrank(KEEPER);
        venue.toSpot(20_000e6);
        vault.recall(address(venue), 900e6); // 1,001 on spot suffice: it leaves at once, spotBefore = 1,001
        vm.stopPrank();
        pass(15 minutes);
        (bool ok,) = tried(address(vault), abi.encodeCall(vault.lapseRecall, (address(venue))));
        (int64 value,) = venue.equity();
        bool lost = venue.quiet() && value < vault.venueOf(address(venue)).book;
        assertFalse(ok && lost, "C2: Core took it: 24 hours; C6: nothing in flight while quiet");
    }
}
