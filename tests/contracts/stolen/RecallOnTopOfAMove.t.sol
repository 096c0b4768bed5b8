// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {VenueErrorsLib} from "contracts/libraries/VenueErrorsLib.sol";
import {StolenKeyBase} from "./StolenKeyBase.sol";

/// @notice C2, C6: a recall asked for before a perp -> spot move has landed would take a spot balance that is too small for
/// the one before it. Core pays out, the move lands, spot looks as if it had not fallen, anyone lapses after 15 minutes, and
/// the venue is quiet while the payout is under way. So it waits for the move.
contract RecallOnTopOfAMoveTest is StolenKeyBase {
    function testFuzz_C2_ARecallWaitsForTheMoveBeforeIt(uint32 wait) public {
        core.setDelays(5, 3, 3, 2 hours); // the payout is late
        vm.prank(KEEPER);
        venue.toSpot(20_000e6);
        wait = uint32(bound(wait, 0, 2 minutes));
        pass(wait);
        vm.prank(KEEPER);
        (bool asked, bytes4 reason) = tried(address(vault), abi.encodeCall(vault.recall, (address(venue), 900e6)));
        if (!asked) {
            assertEq(bytes32(reason), bytes32(VenueErrorsLib.TooEarly.selector), "too early");
            assertLe(wait, 1 minutes, "a minute is enough");
            return;
        }
        pass(15 minutes);
        (bool lapsed,) = tried(address(vault), abi.encodeCall(vault.lapseRecall, (address(venue))));
        assertFalse(lapsed, "C2: Core took it: 24 hours");
        assertFalse(venue.quiet(), "C6: money is in flight");
    }
}
