// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {PrimeVault} from "contracts/PrimeVault.sol";
import {Account, Approval, Commit, Ticket, VenueState} from "contracts/interfaces/IPrimeVault.sol";
import {IVenue} from "contracts/interfaces/IVenue.sol";
import {TestUSDC} from "contracts/sim/TestUSDC.sol";
import {Base} from "./Base.sol";

/// @notice A venue whose worth a test sets. What is sent lies with `far` until a test brings it home.
contract TestVenue is IVenue {
    TestUSDC internal immutable usdc;
    address public immutable vault;
    address public immutable far;

    int128 public worth;
    uint64 public back;
    bool public quiet = true;
    bool public broken;
    bool public reenters;
    bytes public lastStep;

    constructor(address vault_, TestUSDC usdc_) {
        vault = vault_;
        usdc = usdc_;
        far = address(uint160(uint256(keccak256(abi.encode(address(this), "far")))));
    }

    function account() external view returns (address) {
        return far;
    }

    function earn(int128 amount) external {
        worth += amount;
    }

    function setQuiet(bool quiet_) external {
        quiet = quiet_;
    }

    function setBack(uint64 seconds_) external {
        back = seconds_;
    }

    function setBroken(bool broken_) external {
        broken = broken_;
    }

    function setReenters(bool reenters_) external {
        reenters = reenters_;
    }

    function send(uint64 amount) external {
        require(msg.sender == vault, "vault only");
        if (reenters) PrimeVault(vault).sync(address(0));
        usdc.transfer(far, amount);
        worth += int128(uint128(amount));
    }

    function recall(uint64) external view {
        require(msg.sender == vault, "vault only");
    }

    function advance() external view {
        require(msg.sender == vault, "vault only");
    }

    function lapse() external view {
        require(msg.sender == vault, "vault only");
        require(!broken, "under way");
    }

    function unwind(bytes calldata step) external {
        lastStep = step;
    }

    function collect() external returns (uint64 amount) {
        require(msg.sender == vault, "vault only");
        amount = uint64(usdc.balanceOf(address(this)));
        usdc.transfer(vault, amount);
    }

    function observe(bytes calldata attestation)
        external
        view
        returns (int128 value, uint64 asOf, uint64 l1Block, bytes32 sheet)
    {
        require(msg.sender == vault, "vault only");
        value = worth + int128(uint128(usdc.balanceOf(address(this))));
        unchecked {
            asOf = uint64(block.timestamp) - back; // A huge `back` is a time ahead.
        }
        return (value, asOf, uint64(block.number), keccak256(attestation));
    }

    function assetOf(uint32 asset) external pure returns (int64, uint64) {
        return (-int64(uint64(asset)) - 1, uint64(asset) + 2);
    }

    function equity() external view returns (int64, uint64) {
        while (broken) {} // Burns all the gas it is given.
        return (int64(worth), uint64(block.timestamp));
    }
}

/// @notice A factory whose tiers a test sets.
contract TestFactory {
    mapping(address venue => uint8) public tierOf;

    function setTier(address venue, uint8 tier) external {
        tierOf[venue] = tier;
    }

    function vault(address asset, address owner, address curator, address[] calldata keepers)
        external
        returns (PrimeVault)
    {
        return new PrimeVault(asset, owner, curator, keepers);
    }
}

/// @notice A vault with seeded insurance, three clients and one venue of each tier; builders for commits; the balance
/// identities.
abstract contract PrimeVaultBase is Base {
    uint64 internal constant USD = 1e6;

    TestUSDC internal usdc;
    PrimeVault internal vault;
    TestVenue internal t1;
    TestVenue internal t2;
    TestFactory internal factory;

    address internal boss = address(0xB055);
    address internal curator = address(0xC0);
    address internal keeper = address(0xEE1);
    address internal keeper2 = address(0xEE2);
    address internal alice = address(0xA11CE);
    address internal bob = address(0xB0B);
    address internal carol = address(0xCA501);
    address internal stranger = address(0x57A);

    /// @dev Ids 1, 2, 3 with 10,000 USDC each; 1,000 USDC of insurance; 12,000 USDC at `t1`.
    function setUp() public virtual {
        _empty();
        _insure(1000 * USD);
        _openAccount(alice, 10_000 * USD);
        _openAccount(bob, 10_000 * USD);
        _openAccount(carol, 10_000 * USD);
        _send(t1, 12_000 * USD);
    }

    function _empty() internal {
        vm.warp(1_800_000_000);
        usdc = new TestUSDC(address(this));
        address[] memory keepers = new address[](2);
        (keepers[0], keepers[1]) = (keeper, keeper2);
        factory = new TestFactory();
        vault = factory.vault(address(usdc), boss, curator, keepers);
        t1 = new TestVenue(address(vault), usdc);
        t2 = new TestVenue(address(vault), usdc);
        factory.setTier(address(t1), 1);
        factory.setTier(address(t2), 2);
        vm.prank(curator);
        vault.addVenue(address(t1), 1e15, 10_000);
        vm.prank(curator);
        vault.addVenue(address(t2), 1e15, 10_000);
    }

    /* ACTIONS */

    function _fund(address who, uint256 amount) internal {
        usdc.mint(who, amount);
        vm.prank(who);
        usdc.approve(address(vault), type(uint256).max);
    }

    function _insure(uint64 amount) internal {
        _fund(stranger, amount);
        vm.prank(stranger);
        vault.fundInsurance(amount);
    }

    function _openAccount(address owner, uint64 amount) internal returns (uint256 id) {
        _fund(owner, amount);
        vm.prank(owner);
        id = vault.openAccount(owner, amount);
    }

    function _deposit(uint256 id, uint64 amount) internal {
        address owner = vault.accountOf(id).owner;
        _fund(owner, amount);
        vm.prank(owner);
        vault.deposit(id, amount);
    }

    function _request(uint256 id, uint64 amount) internal returns (uint256) {
        address owner = vault.accountOf(id).owner;
        vm.prank(owner);
        return vault.requestWithdraw(id, amount, owner);
    }

    function _send(TestVenue venue, uint64 amount) internal {
        vm.prank(keeper);
        vault.send(address(venue), amount);
    }

    function _recall(TestVenue venue, uint64 amount) internal {
        vm.prank(keeper);
        vault.recall(address(venue), amount);
    }

    /// @dev `amount` arrives at the venue's contract, from the venue.
    function _home(TestVenue venue, uint64 amount) internal {
        if (usdc.balanceOf(venue.far()) < amount) usdc.mint(venue.far(), amount); // A profit is paid by somebody.
        address far = venue.far();
        vm.prank(far);
        usdc.transfer(address(venue), amount);
        venue.earn(-int128(uint128(amount)));
    }

    function _mark(TestVenue venue) internal {
        vm.prank(keeper);
        vault.mark(address(venue), "", new uint32[](0));
    }

    function _commit(Commit memory c) internal {
        vm.prank(keeper);
        vault.commit(c);
    }

    /* TIMELOCKS */

    /// @dev `who` announces a call; its timelock passes.
    function _announced(address who, bytes memory data) internal {
        vm.prank(who);
        vault.submit(data);
        vm.warp(vault.executableAt(data));
    }

    function _governed(address who, bytes memory data) internal {
        _announced(who, data);
        vm.prank(who);
        (bool ok, bytes4 reason) = tried(address(vault), data);
        assertEq(bytes32(reason), bytes32(0), "announced call");
        assertTrue(ok, "announced call");
    }

    function _refusedLater(address who, bytes memory data, bytes4 reason) internal {
        _announced(who, data);
        _refused(who, data, reason);
    }

    /* COMMITS */

    /// @dev The next commit, changing nothing.
    function _next() internal view returns (Commit memory c) {
        c.epoch = vault.epoch() + 1;
        c.asOf = uint64(block.timestamp);
        c.fence = vault.lastFence();
        c.statementRoot = keccak256(abi.encode(c.epoch));
    }

    /// @dev The delta of one sub-account; called with ascending ids.
    function _change(Commit memory c, uint256 id, int64 delta) internal pure {
        uint256 word = (id - 1) / 4;
        uint256 count = c.words.length;
        if (count == 0 || uint8(c.words[count - 1]) != word) {
            c.words = abi.encodePacked(c.words, uint8(word));
            uint256[] memory longer = new uint256[](count + 1);
            for (uint256 i; i < count; ++i) {
                longer[i] = c.pnl4[i];
            }
            c.pnl4 = longer;
            ++count;
        }
        c.pnl4[count - 1] |= uint256(uint64(delta)) << ((id - 1) % 4 * 64);
    }

    function _marked(Commit memory c, TestVenue venue) internal pure {
        address[] memory longer = new address[](c.marked.length + 1);
        for (uint256 i; i < c.marked.length; ++i) {
            longer[i] = c.marked[i];
        }
        longer[c.marked.length] = address(venue);
        c.marked = longer;
    }

    function _approve(Commit memory c, uint256 ticket, uint64 amount) internal pure {
        Approval[] memory longer = new Approval[](c.approvals.length + 1);
        for (uint256 i; i < c.approvals.length; ++i) {
            longer[i] = c.approvals[i];
        }
        longer[c.approvals.length] = Approval({ticket: uint64(ticket), amount: amount});
        c.approvals = longer;
    }

    /// @dev A commit, and a day: earlier tickets have a commit behind them and are too old for the outflow limit.
    function _ripen() internal {
        vm.warp(block.timestamp + 10 minutes);
        _commit(_fullNext());
        vm.warp(block.timestamp + 24 hours);
    }

    /// @dev A full commit that marks `t1` (whose result goes to sub-account 1) and approves one ticket, ripe by then.
    function _commitApproval(uint256 ticket, uint64 amount) internal {
        if (block.timestamp < vault.ticketOf(ticket).requestedAt + 24 hours) _ripen();
        vm.warp(block.timestamp + 10 minutes);
        Commit memory c = _fullNext();
        _approve(c, ticket, amount);
        _commit(c);
    }

    /// @dev The next commit with `t1` marked and its result given to sub-account 1.
    function _fullNext() internal returns (Commit memory c) {
        _mark(t1);
        c = _next();
        _marked(c, t1);
        int128 delta = vault.pendingMarkOf(address(t1)).delta;
        if (delta != 0) _change(c, 1, int64(delta));
    }

    /// @dev Opens a deficit of `amount`, beyond all insurance, through a loss of `t1` that no lane can bear.
    function _loseBeyondInsurance(uint64 amount) internal {
        uint64 cover = uint64(vault.insurance());
        t1.earn(-int128(uint128(cover + amount)));
        vm.warp(block.timestamp + 10 minutes);
        _mark(t1);
        Commit memory c = _next();
        _marked(c, t1);
        c.insuranceDelta = -int64(cover);
        c.newDeficit = amount;
        _commit(c);
    }

    /* CHECKS */

    function _books() internal view returns (int256 sum) {
        address[] memory list = vault.venues();
        for (uint256 i; i < list.length; ++i) {
            sum += vault.venueOf(list[i]).book;
        }
    }

    function _sumLanes() internal view returns (uint256 sum) {
        for (uint256 id = 1; id <= vault.accountCount(); ++id) {
            sum += vault.laneOf(id);
        }
    }

    function _checkBalance() internal view {
        uint256 owed = uint256(vault.sumEquity()) + vault.payables() + vault.insurance() + vault.feesAccrued();
        int256 owned = _books() + int256(uint256(vault.idle()) + vault.deficit() + vault.totalExitPaid());
        assertEqInt(int256(owed), owned, "balance identity");
        assertEq(vault.sumEquity(), _sumLanes(), "sumEquity is the sum of the lanes");
        assertLe(vault.payables(), vault.idle(), "payables within idle");
        assertLe(vault.idle(), usdc.balanceOf(address(vault)), "idle within the balance");
        assertTrue(vault.insurance() == 0 || vault.deficit() == 0, "insurance repays a deficit first");
    }

    /// @dev `who` calls the vault with `data` and is refused with exactly `reason`.
    function _refused(address who, bytes memory data, bytes4 reason) internal {
        vm.prank(who);
        (bool ok, bytes4 got) = tried(address(vault), data);
        assertFalse(ok, "not refused");
        assertEq(bytes32(got), bytes32(reason), "reason");
    }

    function _commitRefused(Commit memory c, bytes4 reason) internal {
        _refused(keeper, abi.encodeCall(vault.commit, (c)), reason);
    }

    function _lane(uint256 id, uint64 expected) internal view {
        assertEq(vault.laneOf(id), expected, "lane");
    }
}
