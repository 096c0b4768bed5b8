// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {Attestation} from "contracts/interfaces/IAttestor.sol";
import {VenueErrorsLib} from "contracts/libraries/VenueErrorsLib.sol";
import {StolenKeyBase} from "./StolenKeyBase.sol";

/// @notice Two of five attestors' keys are stolen; three must sign. The keeper is careless and hands every attestation it
/// is given to the vault; the other three attestors sign the truth. Nobody else reacts.
contract StolenAttestorsTest is StolenKeyBase {
    /// @dev The truest of what honest attestors have signed, to be replayed.
    bytes internal replayed;

    function _refusedByAll(bytes memory attestation, string memory what) internal {
        vm.prank(KEEPER);
        (bool ok,) = tried(address(vault), abi.encodeCall(vault.mark, (address(seat), attestation, new uint32[](0))));
        assertFalse(ok, what);
    }

    function _by(uint256 one, uint256 two) internal pure returns (uint256[] memory who) {
        who = new uint256[](2);
        (who[0], who[1]) = (one, two);
    }

    function _by(uint256 one, uint256 two, uint256 three) internal pure returns (uint256[] memory who) {
        who = new uint256[](3);
        (who[0], who[1], who[2]) = (one, two, three);
    }

    /// @dev All that two of the three signatures are good for.
    function _lie(int64 equity) internal {
        Attestation memory a = _statement(equity);
        _refusedByAll(_signed(a, _by(0, 1)), "two of three");
        _refusedByAll(_signed(a, _by(0, 0, 1)), "one twice");
        _refusedByAll(_signed(a, _by(0, 1, 1)), "the other twice");
        _refusedByAll(_signed(a, _by(1, 0, 0)), "descending");
        bytes[] memory signatures = new bytes[](3);
        (signatures[0], signatures[1]) = (_sign(a, keys[0]), _sign(a, keys[1]));
        // The honest one's word about something else.
        signatures[2] = _sign(_statement(equity - 1), keys[4]);
        _refusedByAll(abi.encode(a, signatures), "another statement's signature");
        signatures[2] = _sign(a, 6);
        _refusedByAll(abi.encode(a, signatures), "nobody's signature");
        // A contract of the thief's that says yes to everything.
        signatures[2] = abi.encode(address(this), bytes(""));
        _refusedByAll(abi.encode(a, signatures), "a contract that is no attestor");
        _refusedByAll(replayed, "yesterday's truth");
    }

    function isValidSignature(bytes32, bytes calldata) external pure returns (bytes4) {
        return 0x1626ba7e;
    }

    function test_TwoWeeksOfTwoStolenAttestors() public {
        uint256 equity = vault.sumEquity();
        int128 book = vault.venueOf(address(seat)).book;
        replayed = _attested();
        pass(1 days);
        for (uint256 day; day < 14; ++day) {
            _lie(type(int64).max);
            _lie(0);
            _lie(-1);
            _lie(int64(book) + 500e6); // Within the band.
            _tryEverything(0);
            _honestCommit();
            replayed = _attested();
            pass(1 days);
        }
        // Against each other and against the honest they have only their own words.
        Attestation memory one = _statement(1);
        Attestation memory two = _statement(2);
        bytes memory forged = _sign(two, keys[0]);
        bytes memory own = _sign(one, keys[0]);
        address honest = vm.addr(keys[4]);
        vm.expectRevert(VenueErrorsLib.SignatureInvalid.selector);
        attestor.reportEquivocation(honest, one, own, two, forged);
        // Their own equivocations take them out, which changes nothing for the three.
        attestor.reportEquivocation(vm.addr(keys[0]), one, own, two, forged);
        attestor.reportEquivocation(vm.addr(keys[1]), one, _sign(one, keys[1]), two, _sign(two, keys[1]));
        _honestCommit();

        _checkNothingForgotten(0);
        uint256 lost = equity - vault.sumEquity();
        emit log_named_uint("two of five attestors, three needed: got out in two weeks (micro-USDC)", _loot());
        emit log_named_uint("  lost by clients (micro-USDC)", lost);
        assertEq(_loot(), 0, "m - 1 attestors get nothing");
        assertEq(lost, 0, "and cost nothing");
        assertEqInt(vault.venueOf(address(seat)).book, book, "the book is the truth");
        assertEq(vault.totalQuarantine(), 0, "nothing was even held back");
    }
}
