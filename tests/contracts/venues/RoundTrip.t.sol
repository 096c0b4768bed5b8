// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {Attestor} from "../../../contracts/Attestor.sol";
import {PrimeVault} from "../../../contracts/PrimeVault.sol";
import {Attestation} from "../../../contracts/interfaces/IAttestor.sol";
import {VenueState} from "../../../contracts/interfaces/IPrimeVault.sol";
import {HyperCoreVenue} from "../../../contracts/venues/HyperCoreVenue.sol";
import {SeatVenue} from "../../../contracts/venues/SeatVenue.sol";
import {TestFactory} from "../PrimeVaultBase.sol";
import {VenueBase} from "./VenueBase.sol";

/// @notice Money goes to a venue and comes home through the real vault, and no step on the way looks like a profit or a loss.
contract RoundTripTest is VenueBase {
    uint64 internal constant USDC = 1e6;
    uint64 internal constant SPOT = 1e8;
    address internal constant SECOND_KEEPER = address(0xCE2);
    address internal constant DEPOSIT_ADDRESS = address(0xDE9);

    PrimeVault internal prime;
    HyperCoreVenue internal core1;
    Attestor internal attestor;
    SeatVenue internal seat;

    function setUp() public {
        setUpWorld();
        address[] memory keepers = new address[](2);
        (keepers[0], keepers[1]) = (KEEPER, SECOND_KEEPER);
        TestFactory factory = new TestFactory();
        prime = factory.vault(address(usdc), address(this), CURATOR, keepers);
        core1 = new HyperCoreVenue(address(prime), address(usdc), address(wallet), CORE_WRITER);
        address[] memory signers = new address[](1);
        signers[0] = vm.addr(1);
        attestor = new Attestor(address(prime), signers, 1);
        seat = new SeatVenue(address(prime), address(usdc), address(attestor), address(0xACC), DEPOSIT_ADDRESS);
        factory.setTier(address(core1), 1);
        factory.setTier(address(seat), 2);
        vm.startPrank(CURATOR);
        prime.addVenue(address(core1), 1e12, 10_000);
        prime.addVenue(address(seat), 1e12, 10_000);
        vm.stopPrank();

        usdc.mint(address(this), 1_200 * USDC);
        usdc.approve(address(prime), type(uint256).max);
        prime.fundInsurance(100 * USDC);
        prime.openAccount(address(this), 1_000 * USDC);
        setExists(address(core1), true);
        setPerp(address(core1), 0, 0);
        setSpot(address(core1), 0, 0);
    }

    function markCore() internal returns (int128 delta) {
        vm.prank(KEEPER);
        prime.mark(address(core1), "", new uint32[](0));
        return prime.pendingMarkOf(address(core1)).delta;
    }

    function markSeat(int64 equity, uint64 received, uint64 returned) internal returns (int128 delta) {
        Attestation memory a = Attestation({
            chainId: block.chainid,
            vault: address(prime),
            venue: address(seat),
            nonce: seat.lastNonce() + 1,
            asOf: uint64(block.timestamp),
            equity: equity,
            received: received,
            returned: returned,
            markSheet: bytes32(0)
        });
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(1, attestor.digestOf(a));
        bytes[] memory signatures = new bytes[](1);
        signatures[0] = abi.encodePacked(r, s, v);
        vm.prank(KEEPER);
        prime.mark(address(seat), abi.encode(a, signatures), new uint32[](0));
        return prime.pendingMarkOf(address(seat)).delta;
    }

    function test_T1_ThereAndBackIsNeitherProfitNorLoss() public {
        vm.prank(KEEPER);
        prime.send(address(core1), 200 * USDC);
        pass(60);
        setSpot(address(core1), 200 * SPOT, 0);
        core1.confirm();
        assertEqInt(markCore(), 0, "arrived on spot");

        vm.prank(KEEPER);
        core1.toPerp(200 * USDC);
        pass(60);
        setSpot(address(core1), 0, 0);
        setPerp(address(core1), 200e6, 200e6);
        assertEqInt(markCore(), 0, "on perp");

        vm.prank(KEEPER);
        prime.recall(address(core1), 100 * USDC);
        (bool ok,) = tried(address(this), abi.encodeCall(this.tryMark, ()));
        assertFalse(ok, "not quiet: moving");
        pass(2);
        setSpot(address(core1), 105 * SPOT, 0);
        setPerp(address(core1), 95e6, 95e6);
        vm.prank(STRANGER);
        prime.advance(address(core1));
        pass(60);
        setSpot(address(core1), 5 * SPOT, 0);
        (ok,) = tried(address(this), abi.encodeCall(this.tryMark, ()));
        assertFalse(ok, "not quiet: leaving");
        wallet.pay(address(core1), 100 * USDC);
        vm.prank(STRANGER);
        prime.sync(address(core1));
        assertEqInt(markCore(), 0, "home");
        VenueState memory state = prime.venueOf(address(core1));
        assertEqInt(state.book, 100e6, "book");
        assertEq(state.recalling, 0, "nothing recalled any more");
        assertEq(prime.idle(), 1_000 * USDC, "idle");
    }

    function tryMark() external {
        markCore();
    }

    function test_T1_LapsedRecallLeavesTheBooksAndTheVenueIsUsable() public {
        setPerp(address(core1), 50e6, 50e6);
        vm.prank(KEEPER);
        prime.recall(address(core1), 10 * USDC);
        pass(15 minutes);
        vm.prank(STRANGER);
        prime.lapseRecall(address(core1));
        assertEq(prime.venueOf(address(core1)).recalling, 0, "given up");
        assertEqInt(markCore(), 50e6, "marked at once");
    }

    function test_T2_ThereAndBackIsNeitherProfitNorLoss() public {
        vm.prank(KEEPER);
        prime.send(address(seat), 200 * USDC);
        assertEqInt(markSeat(200e6, 200 * USDC, 0), 0, "credited");
        vm.warp(block.timestamp + 1);
        vm.prank(KEEPER);
        prime.recall(address(seat), 80 * USDC);
        usdc.mint(address(seat), 79 * USDC); // net of the venue's fee
        assertEqInt(markSeat(120e6, 200 * USDC, 79 * USDC), -1e6, "the fee, before the collect");
        prime.sync(address(seat));
        vm.warp(block.timestamp + 1);
        assertEqInt(markSeat(120e6, 200 * USDC, 79 * USDC), -1e6, "the same after it");
    }
}
