// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {Lens} from "contracts/Lens.sol";
import {AccountSheet, VenueSheet} from "contracts/interfaces/ILens.sol";
import {Commit} from "contracts/interfaces/IPrimeVault.sol";
import {PrimeVaultBase} from "./PrimeVaultBase.sol";

contract LensTest is PrimeVaultBase {
    Lens internal lens;

    function setUp() public override {
        super.setUp();
        lens = new Lens();
    }

    /* STATEMENTS */

    function testFuzz_EveryLeafOfTheCommittedRootVerifies(uint8 size, uint8 chosen, bytes32 salt) public {
        size = uint8(bound(size, 1, 20));
        (bytes[] memory contents, bytes32 root) = _statement(size, salt);
        uint64 epoch = _commitRoot(root);
        uint256 index = chosen % size;
        assertTrue(lens.verifyStatement(vault, epoch, contents[index], _proof(contents, index)), "leaf");
    }

    function testFuzz_NothingElseVerifies(uint8 size, uint8 chosen, bytes32 salt, uint8 what) public {
        size = uint8(bound(size, 2, 20));
        (bytes[] memory contents, bytes32 root) = _statement(size, salt);
        uint64 epoch = _commitRoot(root);
        uint256 index = chosen % size;
        bytes32[] memory proof = _proof(contents, index);
        bytes memory content = contents[index];
        what %= 4;
        if (what == 0) content = abi.encodePacked(content, uint8(1));
        if (what == 1) proof[chosen % proof.length] ^= bytes32(uint256(1) << chosen);
        if (what == 2) ++epoch; // nothing was committed there
        if (what == 3) proof = new bytes32[](proof.length - 1);
        assertFalse(lens.verifyStatement(vault, epoch, content, proof), "altered");
    }

    function testFuzz_AnInnerNodePassesForNoLeaf(bytes32 salt) public {
        (bytes[] memory contents, bytes32 root) = _statement(2, salt);
        uint64 epoch = _commitRoot(root);
        bytes memory inner = bytes.concat(_leaf(contents[0]), _leaf(contents[1]));
        assertFalse(lens.verifyStatement(vault, epoch, inner, new bytes32[](0)), "inner node");
    }

    /* ACCOUNTS */

    function testFuzz_AccountsInPagesAndByOwner(uint256 first, uint256 count) public {
        uint256 ticket = _request(2, 1000 * USD);
        AccountSheet[] memory all = lens.accounts(vault, address(0), 0, type(uint256).max);
        assertEq(all.length, 3, "accounts");
        assertEq(all[0].owner, alice, "owner");
        assertEq(all[0].balance, 10_000 * USD, "balance");
        assertEq(all[1].ticketId, ticket, "ticket");
        assertEq(all[1].ticket.remaining, 1000 * USD, "remaining");
        AccountSheet[] memory mine = lens.accounts(vault, carol, 0, type(uint256).max);
        assertEq(mine.length, 1, "own accounts");
        assertEq(mine[0].id, 3, "own account");
        first = bound(first, 1, 5);
        count = bound(count, 0, 5);
        AccountSheet[] memory page = lens.accounts(vault, address(0), first, count);
        uint256 expected = first > 3 ? 0 : 4 - first < count ? 4 - first : count;
        assertEq(page.length, expected, "page");
        if (expected > 0) assertEq(page[0].id, first, "first of the page");
    }

    function testFuzz_InExitTheSheetSaysWhatAClaimPays(int64 result, uint64 home) public {
        t1.earn(int128(boundInt(result, -5000e6, 5000e6)));
        vm.warp(block.timestamp + 10 minutes);
        _commit(_fullNext());
        vm.warp(block.timestamp + 72 hours);
        vault.triggerExit(0);
        vm.warp(block.timestamp + 24 hours);
        vault.triggerExit(0);
        assertTrue(vault.exiting(), "exit");
        _home(t1, uint64(bound(home, 1, uint128(t1.worth()))));
        vault.sync(address(t1));
        for (uint256 id = 1; id <= 3; ++id) {
            AccountSheet memory sheet = lens.accounts(vault, address(0), id, 1)[0];
            uint256 before = usdc.balanceOf(sheet.owner);
            vault.claimExit(id);
            assertEq(usdc.balanceOf(sheet.owner) - before, sheet.exitClaimable, "paid");
            assertEq(lens.accounts(vault, address(0), id, 1)[0].exitClaimable, 0, "left");
        }
    }

    /* VENUES AND BALANCE */

    function test_ABrokenVenueBreaksNoView() public {
        t1.setBroken(true);
        VenueSheet[] memory sheets = lens.venues(vault);
        assertEq(sheets.length, 2, "venues");
        assertFalse(sheets[0].answered, "broken");
        assertEqInt(sheets[0].state.book, int256(uint256(12_000 * USD)), "book");
        assertTrue(sheets[1].answered, "answered");
    }

    function testFuzz_TheSheetBalances(int64 result, uint64 amount) public {
        assertEqInt(lens.imbalance(vault), 0, "balance");
        t1.earn(int128(boundInt(result, -5000e6, 5000e6)));
        _deposit(1, uint64(bound(amount, 1, 1e12)));
        vm.warp(block.timestamp + 10 minutes);
        _commit(_fullNext());
        assertEqInt(lens.imbalance(vault), 0, "balance");
    }

    /* A TREE AS THE KEEPER BUILDS IT: sorted leaves, sorted pairs, an odd node moves up as it is */

    function _commitRoot(bytes32 root) internal returns (uint64) {
        vm.warp(block.timestamp + 10 minutes);
        Commit memory c = _fullNext();
        c.statementRoot = root;
        _commit(c);
        return c.epoch;
    }

    function _leaf(bytes memory content) internal pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(content)));
    }

    function _pair(bytes32 a, bytes32 b) internal pure returns (bytes32) {
        return a < b ? keccak256(bytes.concat(a, b)) : keccak256(bytes.concat(b, a));
    }

    /// @dev Contents whose leaves ascend, and their root.
    function _statement(uint256 size, bytes32 salt) internal pure returns (bytes[] memory contents, bytes32 root) {
        contents = new bytes[](size);
        for (uint256 i; i < size; ++i) {
            bytes memory content = abi.encode(salt, i);
            uint256 place = i;
            for (; place > 0 && _leaf(contents[place - 1]) > _leaf(content); --place) {
                contents[place] = contents[place - 1];
            }
            contents[place] = content;
        }
        bytes32[] memory layer = _layer(contents);
        while (layer.length > 1) {
            layer = _above(layer);
        }
        root = layer[0];
    }

    function _layer(bytes[] memory contents) internal pure returns (bytes32[] memory layer) {
        layer = new bytes32[](contents.length);
        for (uint256 i; i < contents.length; ++i) {
            layer[i] = _leaf(contents[i]);
        }
    }

    function _above(bytes32[] memory layer) internal pure returns (bytes32[] memory above) {
        above = new bytes32[]((layer.length + 1) / 2);
        for (uint256 i; i < above.length; ++i) {
            above[i] = 2 * i + 1 < layer.length ? _pair(layer[2 * i], layer[2 * i + 1]) : layer[2 * i];
        }
    }

    function _proof(bytes[] memory contents, uint256 index) internal pure returns (bytes32[] memory proof) {
        bytes32[] memory layer = _layer(contents);
        proof = new bytes32[](8);
        uint256 length;
        while (layer.length > 1) {
            uint256 sibling = index ^ 1;
            if (sibling < layer.length) proof[length++] = layer[sibling];
            layer = _above(layer);
            index /= 2;
        }
        assembly ("memory-safe") {
            mstore(proof, length)
        }
    }
}
