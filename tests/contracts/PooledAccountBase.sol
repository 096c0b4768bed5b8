// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {PooledAccount} from "contracts/PooledAccount.sol";
import {Batch, PoolConfig} from "contracts/interfaces/IPooledAccount.sol";
import {Account, Ticket} from "contracts/interfaces/IPrimeVault.sol";
import {TestUSDC} from "contracts/sim/TestUSDC.sol";
import {Base} from "./Base.sol";

/// @notice What a pool sees of a vault; a test says what commits bring. One account, and equity of others beside it.
contract TestVault {
    TestUSDC public immutable asset;
    uint64 public epoch;
    uint64 public fullEpoch;
    uint64 public lastAsOf;
    uint128 public deficit;
    uint128 public totalQuarantine;
    uint128 public suspendedBook;
    bool public exiting;
    bool public refuses;
    bool public stuck;
    uint64 public others;
    uint64 public recovered;
    uint256 public ticketCount;
    uint8 public lastRights;
    uint40 public lastUntil;
    address public lastDelegate;

    uint64 internal lane;
    Account internal held;
    mapping(uint256 ticket => Ticket) internal tickets;
    mapping(uint256 id => uint64) public exitPaidOf;

    error Refused();

    constructor(TestUSDC asset_) {
        asset = asset_;
    }

    /* AS THE VAULT */

    function openAccount(address owner, uint64 amount) external returns (uint256) {
        require(amount >= 100e6, Refused());
        held = Account({owner: owner, openedAt: uint40(block.timestamp), generation: 3, open: true, closing: false});
        lane = amount;
        asset.transferFrom(msg.sender, address(this), amount);
        return 7;
    }

    function deposit(uint256 id, uint64 amount) external {
        require(!refuses && !exiting && deficit == 0 && id == 7 && msg.sender == held.owner, Refused());
        lane += amount;
        asset.transferFrom(msg.sender, address(this), amount);
    }

    function setRights(uint256, address who, uint8 rights, uint40 until) external {
        require(msg.sender == held.owner, Refused());
        (lastDelegate, lastRights, lastUntil) = (who, rights, until);
    }

    function requestWithdraw(uint256 id, uint64 amount, address receiver) external returns (uint256 ticket) {
        require(!refuses && !exiting && id == 7 && msg.sender == held.owner, Refused());
        require(amount > 0 && (amount == lane || amount >= 10e6) && amount <= lane, Refused());
        Ticket storage last = tickets[ticketCount];
        require(last.remaining == 0 && last.payable_ == 0, Refused());
        ticket = ++ticketCount;
        tickets[ticket].remaining = amount;
        tickets[ticket].receiver = receiver;
    }

    function claim(uint256 ticket) external returns (uint64 paid) {
        require(!stuck, Refused());
        Ticket storage t = tickets[ticket];
        paid = t.payable_;
        require(paid > 0, Refused());
        t.payable_ = 0;
        t.paid += paid;
        asset.transfer(t.receiver, paid);
    }

    function claimExit(uint256 id) external returns (uint64 paid) {
        require(exiting && !stuck, Refused());
        uint64 share = uint64(uint256(lane) * recovered / sumEquity());
        paid = share - exitPaidOf[id];
        exitPaidOf[id] = share;
        asset.transfer(held.owner, paid);
    }

    function ticketOf(uint256 ticket) external view returns (Ticket memory) {
        return tickets[ticket];
    }

    function accountOf(uint256) external view returns (Account memory) {
        return held;
    }

    function laneOf(uint256) external view returns (uint64) {
        return lane;
    }

    function sumEquity() public view returns (uint128) {
        return uint128(lane) + others;
    }

    /* AS THE TEST SAYS */

    function commit(int256 pnl, bool full) external {
        ++epoch;
        if (full) fullEpoch = epoch;
        lastAsOf = uint64(block.timestamp);
        lane = uint64(uint256(int256(uint256(lane)) + pnl));
        Ticket storage t = tickets[ticketCount];
        if (lane == 0) t.remaining = 0;
    }

    function approve(uint64 amount) external {
        Ticket storage t = tickets[ticketCount];
        if (amount > t.remaining) amount = t.remaining;
        if (amount > lane) amount = lane;
        lane -= amount;
        t.remaining -= amount;
        t.payable_ += amount;
        if (lane == 0) t.remaining = 0;
    }

    function setDeficit(uint128 deficit_) external {
        deficit = deficit_;
    }

    function setQuarantine(uint128 quarantine) external {
        totalQuarantine = quarantine;
    }

    function setSuspendedBook(uint128 book) external {
        suspendedBook = book;
    }

    function setRefuses(bool refuses_) external {
        refuses = refuses_;
    }

    function setStuck(bool stuck_) external {
        stuck = stuck_;
    }

    function setOthers(uint64 others_) external {
        others = others_;
    }

    function reopen(address owner) external {
        held.owner = owner;
        ++held.generation;
    }

    function triggerExit() external {
        exiting = true;
        tickets[ticketCount].remaining = 0;
    }

    /// @dev Cash for all sub-accounts; the total so far.
    function recover(uint64 total) external {
        recovered = total;
    }
}

/// @notice One more cheat code.
interface VmNonce {
    function getNonce(address who) external view returns (uint64);
}

/// @notice A pool over a test vault, its money, and the steps of a request.
abstract contract PooledAccountBase is Base {
    uint64 internal constant USD = 1e6;
    uint256 internal constant SHARE = 1e12;
    address internal constant DEAD = 0x000000000000000000000000000000000000dEaD;

    TestUSDC internal usdc;
    TestVault internal vault;
    PooledAccount internal pool;

    address internal manager = address(0x3A7A6E);
    address internal feeTaker = address(0xFEE);
    address internal protocol = address(0x9207);
    address internal seeder = address(0x5EED);
    address internal alice = address(0xA11CE);
    address internal bob = address(0xB0B);
    address internal carol = address(0xCA501);
    address internal stranger = address(0x57A);

    function setUp() public virtual {
        vm.warp(1_800_000_000);
        usdc = new TestUSDC(address(this));
        vault = new TestVault(usdc);
        vault.setOthers(1000 * USD);
        pool = _pool(_config());
        usdc.mint(address(vault), 1e18); // Profits are payable.
        _commit(0);
    }

    function _config() internal view returns (PoolConfig memory config) {
        config = PoolConfig({
            vault: address(vault),
            manager: manager,
            feeRecipient: feeTaker,
            seeder: seeder,
            seed: 100 * USD,
            managementBps: 0,
            performanceBps: 0,
            protocolBps: 0,
            protocolRecipient: protocol,
            name: "Carry",
            symbol: "ppCARRY"
        });
    }

    /// @dev The seeder allows every pool the test could make.
    function _pool(PoolConfig memory config) internal returns (PooledAccount made) {
        usdc.mint(config.seeder, config.seed);
        address place = _next(address(this));
        vm.prank(config.seeder);
        usdc.approve(place, config.seed);
        made = new PooledAccount(config);
        assertEq(address(made), place, "where it was expected");
    }

    /// @dev Where `maker` makes its next contract, for nonces below 128.
    function _next(address maker) internal view returns (address) {
        uint64 nonce = VmNonce(address(vm)).getNonce(maker);
        return address(uint160(uint256(keccak256(abi.encodePacked(hex"d694", maker, uint8(nonce))))));
    }

    /* STEPS */

    function _askDeposit(address who, uint256 assets) internal returns (uint256 id) {
        usdc.mint(who, assets);
        vm.prank(who);
        usdc.approve(address(pool), type(uint256).max);
        vm.prank(who);
        id = pool.requestDeposit(assets, who, who);
    }

    function _askRedeem(address who, uint256 shares) internal returns (uint256 id) {
        vm.prank(who);
        id = pool.requestRedeem(shares, who, who);
    }

    /// @dev A full commit, an hour later.
    function _commit(int256 pnl) internal {
        vm.warp(block.timestamp + 1 hours);
        vault.commit(pnl, true);
    }

    /// @dev Closes what is open and prices it at the commit after.
    function _settleThrough(int256 pnl) internal {
        _commit(0);
        pool.settle();
        _commit(pnl);
        pool.settle();
    }

    /// @dev A holder of shares, priced now, everything claimed.
    function _holder(address who, uint256 assets) internal returns (uint256 shares) {
        _askDeposit(who, assets);
        _settleThrough(0);
        vm.prank(who);
        shares = pool.deposit(assets, who);
    }

    /// @dev Pays the pool's ticket as far as `amount`.
    function _pay(uint64 amount) internal {
        vault.approve(amount);
        pool.settle();
    }

    function _refused(address who, bytes memory data, bytes4 reason) internal {
        vm.prank(who);
        (bool ok, bytes4 got) = tried(address(pool), data);
        assertFalse(ok, "not refused");
        assertEq(bytes32(got), bytes32(reason), "reason");
    }

    function _near(uint256 left, uint256 right, uint256 within, string memory what) internal pure {
        assertLe(left > right ? left - right : right - left, within, what);
    }
}
