// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {StolenKeyBase} from "./StolenKeyBase.sol";

/// @notice A guardian's key is stolen. The owner announces its removal on the third day, the other roles go on as ever.
contract StolenGuardianTest is StolenKeyBase {
    function guardianKey() internal pure override returns (address) {
        return THIEF;
    }

    /// @dev All that a guardian may do, as far as it goes.
    function _tighten() internal {
        address v = address(vault);
        uint256 book = uint256(int256(vault.venueOf(address(venue)).book));
        _attempt(v, abi.encodeCall(vault.decreaseCap, (address(venue), uint64(book * 5 / 4))));
        book = uint256(int256(vault.venueOf(address(seat)).book));
        _attempt(v, abi.encodeCall(vault.decreaseCap, (address(seat), uint64(book * 5 / 4 + 1))));
        _attempt(v, abi.encodeCall(vault.decreaseBand, (address(seat), 0)));
        _attempt(v, abi.encodeCall(vault.decreaseFeeCap, (0)));
        _attempt(v, abi.encodeCall(vault.removeKeeper, (keeperKey())));
        _attempt(v, abi.encodeCall(vault.removeKeeper, (KEEPER))); // The last one stays.
        _attempt(v, abi.encodeCall(vault.refuseQuarantine, (address(seat))));
        _attempt(address(venue), abi.encodeCall(venue.revokeTrader, ()));
    }

    function test_TwoWeeksOfAStolenGuardian() public {
        uint256 equity = vault.sumEquity();
        // What the others have announced; the thief takes back what it can.
        bytes memory recipient = abi.encodeCall(vault.setFeeRecipient, (address(0xFEE)));
        vm.startPrank(CURATOR);
        vault.submit(recipient);
        venue.approveTrader(address(0xA2));
        attestor.announceAttestor(address(0xA77));
        vm.stopPrank();
        assertTrue(_attempt(address(vault), abi.encodeCall(vault.revoke, (recipient))), "an announcement");
        assertTrue(_attempt(address(venue), abi.encodeCall(venue.disapproveTrader, (address(0xA2)))), "an approval");
        bytes memory withdraw = abi.encodeCall(attestor.withdrawAnnouncement, (address(0xA77)));
        assertTrue(_attempt(address(attestor), withdraw), "an attestor");
        // The seat gains more than its band; the quarantine is the guardian's to refuse, day after day.
        usdc.mint(SEAT, 1_000e6);
        pass(10 minutes);
        _honestCommit();

        bytes memory removal = abi.encodeCall(vault.removeGuardian, (THIEF));
        for (uint256 day; day < 14; ++day) {
            if (day == 3) {
                vm.prank(BOSS);
                vault.submit(removal);
            }
            if (day == 6) {
                vm.prank(BOSS);
                vault.removeGuardian(THIEF);
            }
            _tighten();
            _tryEverything(day < 6 ? GUARDIANS : 0);
            pass(1 days);
            _honestCommit();
        }

        _checkNothingForgotten(GUARDIANS);
        assertFalse(vault.isGuardian(THIEF), "and could not revoke its own removal");
        assertTrue(vault.isKeeper(KEEPER), "the last keeper stays");
        emit log_named_uint("a stolen guardian key: got out in two weeks (micro-USDC)", _loot());
        emit log_named_uint(
            "  lost by clients (micro-USDC)", equity > vault.sumEquity() ? equity - vault.sumEquity() : 0
        );
        assertEq(_loot(), 0, "a guardian gets nothing");
        assertLe(equity, vault.sumEquity(), "and costs nothing");
        // What is in the vault is paid as ever.
        uint256 idle = vault.idle() - vault.payables();
        assertLe(idle - 10, _everybodyLeaves(), "claims still work");
    }
}
