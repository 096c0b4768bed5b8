// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {CoreDepositWalletSim} from "../../../contracts/sim/CoreDepositWalletSim.sol";
import {CoreState} from "../../../contracts/sim/CoreState.sol";
import {CoreWriterSim} from "../../../contracts/sim/CoreWriterSim.sol";
import {TestUSDC} from "../../../contracts/sim/TestUSDC.sol";
import {VenueBase} from "./VenueBase.sol";

/// @notice The stand-ins of the local chain behave as what they stand in for, and obey the bridge alone.
contract SimTest is VenueBase {
    function setUp() public {
        setUpWorld();
    }

    function testFuzz_Precompile_AnswersRawBytes(bytes calldata input, bytes calldata output) public {
        vm.assume(output.length > 0);
        answer(address(0x80d), input, output);
        (bool ok, bytes memory reply) = address(0x80d).staticcall(input);
        assertTrue(ok, "known");
        assertEq(reply, output, "verbatim");
        (ok,) = address(0x80c).staticcall{gas: 100_000}(input);
        assertFalse(ok, "another precompile does not know it");
    }

    function test_Precompile_EmptyOutputForgetsTheReply() public {
        answer(address(0x806), "a", "b");
        answer(address(0x806), "a", "");
        (bool ok,) = address(0x806).staticcall{gas: 100_000}("a");
        assertFalse(ok, "forgotten");
        vm.expectRevert(abi.encodeWithSelector(CoreState.Unknown.selector, address(0x806), bytes("a")));
        core.get(address(0x806), "a");
    }

    function test_CoreState_ObeysTheBridgeAlone() public {
        vm.prank(STRANGER);
        vm.expectRevert(CoreState.NotBridge.selector);
        core.set(new address[](0), new bytes[](0), new bytes[](0));
        vm.expectRevert(CoreState.LengthsDiffer.selector);
        core.set(new address[](1), new bytes[](0), new bytes[](0));
    }

    function test_CoreWriter_EmitsWhoAndWhat() public {
        vm.expectEmit(CORE_WRITER);
        emit CoreWriterSim.RawAction(STRANGER, hex"0102");
        vm.prank(STRANGER);
        CoreWriterSim(CORE_WRITER).sendRawAction(hex"0102");
    }

    function test_CoreDepositWallet_TakesDepositsAndPaysForTheBridge() public {
        usdc.mint(STRANGER, 30);
        vm.startPrank(STRANGER);
        usdc.approve(address(wallet), 30);
        wallet.deposit(10, 0);
        vm.expectEmit(address(wallet));
        emit CoreDepositWalletSim.Deposit(KEEPER, 20, type(uint32).max);
        wallet.depositFor(KEEPER, 20, type(uint32).max);
        vm.expectRevert(CoreDepositWalletSim.NotBridge.selector);
        wallet.pay(STRANGER, 1);
        vm.stopPrank();
        wallet.pay(CURATOR, 25);
        assertEq(usdc.balanceOf(CURATOR), 25, "paid");
        assertEq(usdc.balanceOf(address(wallet)), 5, "left");
    }

    function test_TestUsdc_SixDecimalsPermitAndOneMinter() public {
        assertEq(usdc.decimals(), 6, "decimals");
        vm.prank(STRANGER);
        vm.expectRevert(TestUSDC.NotMinter.selector);
        usdc.mint(STRANGER, 1);

        address owner = vm.addr(7);
        bytes32 permit = keccak256(
            abi.encode(
                keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
                owner,
                KEEPER,
                uint256(5),
                uint256(0),
                block.timestamp
            )
        );
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(7, keccak256(abi.encodePacked(hex"1901", usdc.DOMAIN_SEPARATOR(), permit)));
        usdc.permit(owner, KEEPER, 5, block.timestamp, v, r, s);
        assertEq(usdc.allowance(owner, KEEPER), 5, "allowed");
    }
}
