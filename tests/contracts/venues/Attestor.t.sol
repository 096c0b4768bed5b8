// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {Attestation, IAttestor} from "../../../contracts/interfaces/IAttestor.sol";
import {VenueErrorsLib} from "../../../contracts/libraries/VenueErrorsLib.sol";
import {SeatVenueBase} from "./SeatVenue.t.sol";

/// @notice A signer that is a contract, good or bad.
contract ContractSigner {
    enum Mood {
        Confirms,
        Denies,
        Reverts,
        BurnsGas,
        AnswersLong,
        AnswersShort,
        AnswersDirty
    }

    Mood public mood;
    bytes32 public digest;
    bytes32 public proof;

    function set(Mood mood_) external {
        mood = mood_;
    }

    /// @dev What it confirms: that digest, with those bytes for a signature.
    function agree(bytes32 digest_, bytes calldata signature) external {
        (digest, proof) = (digest_, keccak256(signature));
    }

    function isValidSignature(bytes32 digest_, bytes calldata signature) external view returns (bytes4) {
        bool agreed = digest_ == digest && keccak256(signature) == proof;
        if (mood == Mood.Denies || !agreed) return 0xffffffff;
        require(mood != Mood.Reverts, "no");
        while (mood == Mood.BurnsGas) {}
        if (mood == Mood.AnswersLong) answer(bytes.concat(bytes32(bytes4(0x1626ba7e)), new bytes(60_000)));
        if (mood == Mood.AnswersShort) answer(hex"1626ba7e");
        if (mood == Mood.AnswersDirty) answer(bytes.concat(hex"1626ba7e", bytes28(uint224(1))));
        return 0x1626ba7e;
    }

    function answer(bytes memory reply) internal pure {
        assembly ("memory-safe") {
            return(add(reply, 32), mload(reply))
        }
    }
}

contract AttestorContractSignerTest is SeatVenueBase {
    bytes internal constant PROOF = "as agreed";

    ContractSigner internal signer;

    function setUp() public override {
        super.setUp();
        signer = new ContractSigner();
        vm.prank(CURATOR);
        attestor.addAttestor(address(signer));
    }

    /// @dev The contract's signature and one attestor's, in order.
    function pairFor(Attestation memory a) internal returns (bytes[] memory pair) {
        signer.agree(attestor.digestOf(a), PROOF);
        pair = new bytes[](2);
        bool first = address(signer) < vm.addr(keys[0]);
        pair[first ? 0 : 1] = abi.encode(address(signer), PROOF);
        pair[first ? 1 : 0] = sign(a, keys[0]);
    }

    function testFuzz_C8_AContractMaySign(int64 equity) public {
        Attestation memory a = attestation(equity, 0, 0);
        bytes[] memory pair = pairFor(a);
        attestor.verify(a, pair);
        vm.prank(address(vault));
        (int128 value,,,) = venue.observe(abi.encode(a, pair));
        assertEqInt(value, equity, "a contract and a key");
    }

    function testFuzz_C8_RevertWhen_AContractSignsAnotherStatement(int64 equity) public {
        vm.assume(equity != 5);
        Attestation memory a = attestation(5, 0, 0);
        bytes[] memory pair = pairFor(a);
        a.equity = equity;
        (bool ok,) = tried(address(attestor), abi.encodeCall(attestor.verify, (a, pair)));
        assertFalse(ok, "another value");
    }

    /// @dev Only an orderly "yes" counts, and none of the others costs more than the cap.
    function testFuzz_C8_RevertWhen_AContractDoesNotConfirm(uint256 which) public {
        ContractSigner.Mood mood = ContractSigner.Mood(bound(which, 1, 6));
        vm.assume(mood != ContractSigner.Mood.AnswersLong);
        Attestation memory a = attestation(5, 0, 0);
        bytes[] memory pair = pairFor(a);
        signer.set(mood);
        uint256 before = gasleft();
        vm.expectRevert(VenueErrorsLib.SignatureInvalid.selector);
        attestor.verify(a, pair);
        assertLe(before - gasleft(), 300_000, "gas");
    }

    function test_C8_ALongConfirmationIsReadByItsPrefix() public {
        Attestation memory a = attestation(5, 0, 0);
        bytes[] memory pair = pairFor(a);
        signer.set(ContractSigner.Mood.AnswersLong);
        uint256 before = gasleft();
        attestor.verify(a, pair);
        assertLe(before - gasleft(), 400_000, "gas");
    }

    function test_C8_RevertWhen_AnAddressWithoutCodeIsNamed() public {
        Attestation memory a = attestation(5, 0, 0);
        bytes[] memory pair = pairFor(a);
        address named = vm.addr(keys[2]);
        bool first = named < vm.addr(keys[0]);
        pair[first ? 0 : 1] = abi.encode(named, PROOF);
        pair[first ? 1 : 0] = sign(a, keys[0]);
        vm.expectRevert(VenueErrorsLib.SignatureInvalid.selector);
        attestor.verify(a, pair);
    }

    function test_C8_RevertWhen_AContractIsNoAttestor() public {
        vm.prank(CURATOR);
        attestor.removeAttestor(address(signer));
        Attestation memory a = attestation(5, 0, 0);
        bytes[] memory pair = pairFor(a);
        vm.expectRevert(VenueErrorsLib.NotAttestor.selector);
        attestor.verify(a, pair);
    }

    function test_C8_AContractsEquivocationRemovesIt() public {
        Attestation memory a = attestation(5, 0, 0);
        Attestation memory b = attestation(6, 0, 0);
        YesSigner liar = new YesSigner();
        vm.prank(CURATOR);
        attestor.addAttestor(address(liar));
        bytes memory signature = abi.encode(address(liar), PROOF);
        vm.prank(STRANGER);
        attestor.reportEquivocation(address(liar), a, signature, b, signature);
        assertFalse(attestor.isAttestor(address(liar)), "out");
    }
}

/// @notice Confirms whatever it is asked.
contract YesSigner {
    function isValidSignature(bytes32, bytes calldata) external pure returns (bytes4) {
        return 0x1626ba7e;
    }
}

contract AttestorEquivocationTest is SeatVenueBase {
    function report(address signer, Attestation memory a, Attestation memory b, uint256 key) internal {
        (bytes memory one, bytes memory other) = (sign(a, key), sign(b, key));
        vm.prank(STRANGER);
        attestor.reportEquivocation(signer, a, one, b, other);
    }

    function expectRefusal(address signer, Attestation memory a, Attestation memory b, uint256 key, bytes4 reason)
        internal
    {
        (bytes memory one, bytes memory other) = (sign(a, key), sign(b, key));
        vm.prank(STRANGER);
        vm.expectRevert(reason);
        attestor.reportEquivocation(signer, a, one, b, other);
    }

    /// @dev Whatever differs: under one nonce there is one statement.
    function testFuzz_C8_TwoStatementsUnderOneNonceRemoveTheSigner(uint256 what, uint64 other) public {
        Attestation memory a = attestation(5, 6, 7);
        Attestation memory b = attestation(5, 6, 7);
        what = bound(what, 0, 4);
        other = uint64(bound(other, 8, type(uint32).max));
        if (what == 0) b.equity = int64(other);
        if (what == 1) b.received = other;
        if (what == 2) b.returned = other;
        if (what == 3) b.asOf += other;
        if (what == 4) b.markSheet = bytes32(uint256(other));
        address signer = vm.addr(keys[1]);
        vm.expectEmit(address(attestor));
        emit IAttestor.Equivocated(signer, address(venue), a.nonce);
        (bytes memory one, bytes memory two) = (sign(a, keys[1]), sign(b, keys[1]));
        vm.prank(STRANGER);
        attestor.reportEquivocation(signer, a, one, b, two);
        assertFalse(attestor.isAttestor(signer), "removed");
        assertEq(attestor.attestorCount(), 2, "two left");
    }

    function testFuzz_C8_RevertWhen_TheSameStatementIsShownTwice(int64 equity, uint64 nonce) public {
        Attestation memory a = attestation(equity, 0, 0);
        a.nonce = nonce;
        expectRefusal(vm.addr(keys[1]), a, a, keys[1], VenueErrorsLib.NotEquivocal.selector);
    }

    /// @dev Honest statements: a later nonce, another venue, another vault, another chain.
    function testFuzz_C8_RevertWhen_TheStatementsAreAboutDifferentThings(uint256 what) public {
        Attestation memory a = attestation(5, 0, 0);
        Attestation memory b = attestation(6, 0, 0);
        what = bound(what, 0, 3);
        if (what == 0) b.nonce += 1;
        if (what == 1) b.venue = STRANGER;
        if (what == 2) b.vault = STRANGER;
        if (what == 3) b.chainId += 1;
        expectRefusal(vm.addr(keys[1]), a, b, keys[1], VenueErrorsLib.NotEquivocal.selector);
        assertTrue(attestor.isAttestor(vm.addr(keys[1])), "stays");
    }

    function testFuzz_C8_RevertWhen_AnotherIsAccused(uint256 key) public {
        key = bound(key, 4, type(uint128).max);
        Attestation memory a = attestation(5, 0, 0);
        Attestation memory b = attestation(6, 0, 0);
        expectRefusal(vm.addr(keys[1]), a, b, key, VenueErrorsLib.SignatureInvalid.selector);
        expectRefusal(vm.addr(key), a, b, key, VenueErrorsLib.NotAttestor.selector);
    }

    function testFuzz_C8_RevertWhen_OneOfTheTwoSignaturesIsAnothers(int64 equity, uint256 other) public {
        vm.assume(equity != 5);
        other = bound(other, 0, 1) * 2;
        Attestation memory a = attestation(5, 0, 0);
        Attestation memory b = attestation(equity, 0, 0);
        (bytes memory one, bytes memory two) = (sign(a, keys[1]), sign(b, keys[other]));
        vm.expectRevert(VenueErrorsLib.SignatureInvalid.selector);
        attestor.reportEquivocation(vm.addr(keys[1]), a, one, b, two);
    }

    /// @dev Three attestors, two needed: one goes, the second stays until another has been added.
    function test_C8_NeverBelowTheThresholdAndTheProofKeeps() public {
        Attestation memory a = attestation(5, 0, 0);
        Attestation memory b = attestation(6, 0, 0);
        report(vm.addr(keys[0]), a, b, keys[0]);
        expectRefusal(vm.addr(keys[1]), a, b, keys[1], VenueErrorsLib.BelowThreshold.selector);
        assertEq(attestor.attestorCount(), 2, "never below");
        vm.prank(CURATOR);
        attestor.addAttestor(address(0xA77));
        report(vm.addr(keys[1]), a, b, keys[1]);
        assertFalse(attestor.isAttestor(vm.addr(keys[1])), "out at last");
    }
}

contract AttestorGovernanceTest is SeatVenueBase {
    address internal constant NEW = address(0xA77);

    function setUp() public override {
        super.setUp();
        vault.setAccountCount(1);
    }

    function announce() internal {
        vm.prank(CURATOR);
        attestor.announceAttestor(NEW);
    }

    function add() internal {
        vm.prank(CURATOR);
        attestor.addAttestor(NEW);
    }

    function expectNotAnnounced() internal {
        vm.prank(CURATOR);
        vm.expectRevert(VenueErrorsLib.NotAnnounced.selector);
        attestor.addAttestor(NEW);
    }

    function testFuzz_G1_AnAttestorIsAddedTenDaysAfterItWasAnnouncedAndWithinFourteen(uint256 wait) public {
        wait = bound(wait, 0, 40 days);
        announce();
        vm.warp(START + wait);
        if (wait >= 10 days && wait <= 24 days) {
            add();
            assertTrue(attestor.isAttestor(NEW), "added");
            assertEq(attestor.addableFrom(NEW), 0, "an announcement serves once");
        } else {
            expectNotAnnounced();
        }
    }

    function test_G1_RevertWhen_NobodyWasAnnounced() public {
        expectNotAnnounced();
    }

    function test_G1_ARemovedAttestorIsAnnouncedAnew() public {
        announce();
        vm.warp(START + 10 days);
        add();
        vm.prank(CURATOR);
        attestor.removeAttestor(NEW);
        expectNotAnnounced();
    }

    function test_G1_AGuardianTakesAnAnnouncementBack() public {
        announce();
        vm.prank(STRANGER);
        vm.expectRevert(VenueErrorsLib.NotGuardian.selector);
        attestor.withdrawAnnouncement(NEW);
        vm.expectEmit(address(attestor));
        emit IAttestor.AnnouncementWithdrawn(NEW);
        vm.prank(GUARDIAN);
        attestor.withdrawAnnouncement(NEW);
        vm.warp(START + 10 days);
        expectNotAnnounced();
        vm.prank(GUARDIAN);
        vm.expectRevert(VenueErrorsLib.NotAnnounced.selector);
        attestor.withdrawAnnouncement(NEW);
    }

    function testFuzz_G1_RevertWhen_AnnouncedByAnyoneButTheCuratorOrNobody(address who) public {
        vm.assume(who != CURATOR);
        vm.prank(who);
        vm.expectRevert(VenueErrorsLib.NotCurator.selector);
        attestor.announceAttestor(NEW);
        vm.prank(CURATOR);
        vm.expectRevert(VenueErrorsLib.ZeroAddress.selector);
        attestor.announceAttestor(address(0));
    }
}
