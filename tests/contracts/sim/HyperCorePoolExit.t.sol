// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {PooledAccount} from "../../../contracts/PooledAccount.sol";
import {PoolConfig} from "../../../contracts/interfaces/IPooledAccount.sol";
import {Approval, Commit} from "../../../contracts/interfaces/IPrimeVault.sol";
import {UnwindStep} from "../../../contracts/interfaces/IHyperCoreVenue.sol";
import {HyperCoreExitBase} from "./HyperCoreExit.t.sol";

/// @notice Exit with a pool among the clients: its shareholders are paid out of what the pool is paid.
contract HyperCorePoolExitTest is HyperCoreExitBase {
    PooledAccount internal pool;
    address[2] internal holders = [address(0x201), address(0x202)];
    uint64[2] internal amounts = [5_000e6, 1_234_567_891];

    function setUp() public override {
        super.setUp();
        PoolConfig memory config;
        (config.vault, config.manager, config.feeRecipient) = (address(vault), CURATOR, CURATOR);
        (config.seeder, config.seed, config.name, config.symbol) = (address(this), 100e6, "Pool", "POOL");
        bytes32 code = keccak256(abi.encodePacked(type(PooledAccount).creationCode, abi.encode(config)));
        bytes32 place = keccak256(abi.encodePacked(bytes1(0xff), address(this), bytes32(0), code));
        usdc.approve(address(uint160(uint256(place))), 100e6);
        pool = new PooledAccount{salt: bytes32(0)}(config);
        for (uint256 i; i < 2; ++i) {
            usdc.mint(holders[i], amounts[i]);
            vm.startPrank(holders[i]);
            usdc.approve(address(pool), amounts[i]);
            pool.requestDeposit(amounts[i], holders[i], holders[i]);
            vm.stopPrank();
        }
        settle(1e6); // the activation left a dollar on spot: to insurance
        pool.settle(); // closes the batch
        settle(0);
        pool.settle(); // prices it
        for (uint256 i; i < 2; ++i) {
            vm.prank(holders[i]);
            pool.deposit(amounts[i], holders[i], holders[i]);
        }
    }

    /// @dev A full commit in which nobody won or lost.
    function settle(int64 toInsurance) internal {
        pass(11 minutes);
        vm.startPrank(KEEPER);
        vault.mark(address(venue), "", new uint32[](0));
        address[] memory marked = new address[](1);
        marked[0] = address(venue);
        vault.commit(
            Commit({
                epoch: vault.epoch() + 1,
                asOf: uint64(block.timestamp),
                fence: 1,
                statementRoot: bytes32(uint256(1)),
                insuranceDelta: toInsurance,
                fees: 0,
                newDeficit: 0,
                words: "",
                pnl4: new uint256[](0),
                marked: marked,
                approvals: new Approval[](0)
            })
        );
        vm.stopPrank();
    }

    function testFuzz_E6_ShareholdersArePaidProRataInInstalments(uint256 price, bool isLong, uint256 order) public {
        trade(isLong, 3_000);
        core.setPrice(ETH, uint64(bound(price, 18_000, 22_000) * 1_000), 5_000, type(uint64).max);
        exit();
        step(UnwindStep.RevokeTrader, 0, 0);
        uint256 first = order % 2;

        vault.claimExit(pool.account()); // an instalment, by a stranger
        pool.exitSync();
        pool.claimExit(holders[first]);
        closeAll();
        bringHome();
        for (uint256 id = 1; id <= vault.accountCount(); ++id) {
            vault.claimExit(id);
        }
        pool.exitSync();
        pool.claimExit(holders[first]);
        pool.claimExit(holders[1 - first]);

        uint256 recovered = vault.idle() + vault.totalExitPaid() - vault.payables();
        uint256 share = uint256(vault.laneOf(pool.account())) * recovered / vault.sumEquity();
        for (uint256 i; i < 2; ++i) {
            uint256 due = share * pool.balanceOf(holders[i]) / pool.totalSupply();
            uint256 paid = usdc.balanceOf(holders[i]);
            assertLe(due, paid + 1, "within a micro-dollar");
            assertLe(paid, due + 1, "of its part");
        }
        for (uint256 i; i < 3; ++i) {
            assertEq(
                usdc.balanceOf(clients[i]), uint256(stakes[i]) * recovered / vault.sumEquity(), "clients beside it"
            );
        }
    }
}
