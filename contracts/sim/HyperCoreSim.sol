// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {SignedMath} from "@openzeppelin/contracts/utils/math/SignedMath.sol";

import {CoreOrderLib} from "../libraries/CoreOrderLib.sol";
import {PerpAssetInfo} from "../libraries/CoreReadLib.sol";
import {CoreOrder, CoreWriterLib} from "../libraries/CoreWriterLib.sol";

/// @title HyperCoreSim
/// @notice Used only by tests: a HyperCore on one chain with the contracts that use it. It stands in for CoreWriter, for Circle's
/// deposit wallet and, behind PrecompileSim, for CoreState. The simulated venue's bridge does the same for a local chain.
///
/// TIME. Calls only queue. `step` lands what is due by the block's timestamp: deposits, then actions in their order, then
/// resting orders that the prices have reached, then payouts. So a block's reads are the state before it.
///
/// DROPS. An action that cannot be executed, is not canonically encoded or comes from an account that did not exist when it
/// was sent leaves no trace but `dropped`.
///
/// MARKET. One bid and one ask per perp, each with a size, against a house without limits. Fees 4.5 and 1.5 bps. No
/// liquidations, no trading between accounts.
contract HyperCoreSim {
    using SafeCast for uint256;
    using SafeCast for int256;
    using SafeERC20 for IERC20;

    /// @dev Prices in raw units (USDC × 10^(6 − sizeDecimals)), sizes in lots.
    struct Market {
        bool listed;
        uint8 sizeDecimals;
        uint8 maxLeverage;
        uint64 oracle;
        uint64 mark;
        uint64 bid;
        uint64 ask;
        uint64 bidLots;
        uint64 askLots;
    }

    /// @dev `rawUsd` is cash less the cost of positions (micro-USDC); `spot` in 1e-8 USDC.
    struct Account {
        bool exists;
        uint8 mode;
        int256 rawUsd;
        uint256 spot;
    }

    struct Agent {
        address account;
        bytes32 name;
        uint256 validUntil;
    }

    struct Resting {
        address user;
        bool isBuy;
        bool reduceOnly;
        uint32 asset;
        uint128 cloid;
        uint256 price;
        uint256 lots;
    }

    enum Kind {
        Deposit,
        Action,
        Payout
    }

    /// @dev `amount` in micro-USDC, of deposits and payouts.
    struct Queued {
        Kind kind;
        bool existed;
        bool toSpot;
        uint40 due;
        address user;
        uint256 amount;
        bytes action;
    }

    error BadDelay();
    error Dropped();
    error NotAgent();
    error OnlySelf();
    error Unknown(address precompile, bytes input);

    event RawAction(address indexed user, bytes data);
    event Deposit(address indexed recipient, uint256 amount, uint32 dex);
    event Paid(address indexed recipient, uint256 amount);
    event Filled(address indexed user, uint32 indexed asset, int256 lots, uint256 price, uint128 cloid);

    uint256 internal constant SPOT_PER_MICRO = 100;
    uint256 internal constant ACTIVATION_FEE = 1e6;
    uint256 internal constant MIN_NOTIONAL = 10e6;
    uint256 internal constant DEFAULT_LEVERAGE = 20;
    uint256 internal constant FEE_SCALE = 1e6;
    uint256 internal constant TAKER_FEE = 450;
    uint256 internal constant MAKER_FEE = 150;
    int256 internal constant RATE_SCALE = 1e10;
    uint256 internal constant AGENT_LIFE = 90 days;
    uint256 internal constant NAMED_AGENTS = 3;
    uint256 internal constant NAME_LENGTH = 16;

    IERC20 public immutable usdc;

    uint40 public creditDelay = 5;
    uint40 public actionDelay = 1;
    uint40 public orderDelay = 3;
    uint40 public payoutDelay = 1;

    uint64 public l1Block = 1000;
    uint256 public dropped;

    uint32[] internal listed;
    mapping(uint32 asset => Market) public markets;
    address[] internal users;
    mapping(address user => Account) public accounts;
    mapping(address user => mapping(uint32 asset => int256)) public positions;
    mapping(address key => Agent) internal agents;
    mapping(address user => mapping(bytes32 name => address)) internal agentNamed;
    mapping(address user => uint256) internal names;
    Queued[] internal queue;
    /// @dev The order's number is its index plus one; a finished one has no lots.
    Resting[] internal resting;

    constructor(IERC20 usdc_) {
        usdc = usdc_;
    }

    /* THE TEST'S HAND */

    function setDelays(uint40 credit, uint40 action, uint40 order, uint40 payout) external {
        require(credit >= 2 && credit <= 15 && action > 0 && order > 0 && payout > 0, BadDelay());
        (creditDelay, actionDelay, orderDelay, payoutDelay) = (credit, action, order, payout);
    }

    function list(uint32 asset, uint8 sizeDecimals, uint8 maxLeverage) external {
        if (!markets[asset].listed) listed.push(asset);
        markets[asset].listed = true;
        (markets[asset].sizeDecimals, markets[asset].maxLeverage) = (sizeDecimals, maxLeverage);
    }

    /// @notice Oracle and mark at `price`, bid and ask `half` away from it, each with `lots`.
    function setPrice(uint32 asset, uint64 price, uint64 half, uint64 lots) external {
        Market storage market = markets[asset];
        (market.oracle, market.mark, market.bid, market.ask) = (price, price, price - half, price + half);
        (market.bidLots, market.askLots) = (lots, lots);
    }

    /// @notice `rate` × 1e-10, paid on the oracle price: longs pay when it is positive. Rounded toward nought.
    function payFunding(uint32 asset, int256 rate) external {
        for (uint256 i; i < users.length; ++i) {
            int256 notional = positions[users[i]][asset] * int256(uint256(markets[asset].oracle));
            accounts[users[i]].rawUsd -= notional * rate / RATE_SCALE;
        }
    }

    /// @notice What an agent's key does over the API: at once, no queue.
    function orderByAgent(address key, address user, CoreOrder calldata order) external {
        require(isAgent(key, user), NotAgent());
        _place(user, order);
    }

    /* COREWRITER AND DEPOSIT WALLET */

    function sendRawAction(bytes calldata data) external {
        emit RawAction(msg.sender, data);
        bool isOrder = data.length >= 4 && bytes4(data[:4]) == 0x01000001;
        uint40 wait = isOrder ? orderDelay : actionDelay;
        queue.push(Queued(Kind.Action, accounts[msg.sender].exists, false, _after(wait), msg.sender, 0, data));
    }

    function deposit(uint256 amount, uint32 dex) external {
        _deposit(msg.sender, amount, dex);
    }

    function depositFor(address recipient, uint256 amount, uint32 dex) external {
        _deposit(recipient, amount, dex);
    }

    function _deposit(address recipient, uint256 amount, uint32 dex) internal {
        emit Deposit(recipient, amount, dex);
        bool toSpot = dex == CoreWriterLib.SPOT_DEX;
        queue.push(Queued(Kind.Deposit, false, toSpot, _after(creditDelay), recipient, amount, ""));
        usdc.safeTransferFrom(msg.sender, address(this), amount);
    }

    /* TIME */

    /// @notice Lands what is due. Call it once a block, before the block's transactions.
    function step() external {
        ++l1Block;
        _land(Kind.Deposit);
        _land(Kind.Action);
        for (uint256 i; i < resting.length; ++i) {
            if (resting[i].lots > 0) _fillResting(resting[i]);
        }
        _land(Kind.Payout);
    }

    function _land(Kind kind) internal {
        for (uint256 i; i < queue.length; ++i) {
            Queued memory item = queue[i];
            if (item.kind != kind || item.due == 0 || item.due > block.timestamp) continue;
            queue[i].due = 0;
            if (kind == Kind.Deposit) _credit(item.user, item.amount, item.toSpot);
            else if (kind == Kind.Payout) _pay(item.user, item.amount);
            else _try(item);
        }
    }

    function _try(Queued memory item) internal {
        if (!item.existed) {
            ++dropped;
            return;
        }
        try this.execute(item.user, item.action) {}
        catch {
            ++dropped;
        }
    }

    function _pay(address user, uint256 amount) internal {
        emit Paid(user, amount);
        usdc.safeTransfer(user, amount);
    }

    /// @dev A new account's first spot deposit pays for its activation and must exceed that.
    function _credit(address user, uint256 amount, bool toSpot) internal {
        Account storage account = accounts[user];
        uint256 fee = account.exists || !toSpot ? 0 : ACTIVATION_FEE;
        if (amount <= fee) return;
        if (!account.exists) users.push(user);
        account.exists = true;
        if (toSpot) account.spot += (amount - fee) * SPOT_PER_MICRO;
        else account.rawUsd += amount.toInt256();
    }

    /* ACTIONS */

    /// @notice Itself: one action, or a revert that `step` counts as a drop.
    function execute(address user, bytes calldata action) external {
        require(msg.sender == address(this), OnlySelf());
        require(action.length >= 4 && action[0] == 0x01, Dropped());
        uint24 id = uint24(bytes3(action[1:4]));
        bytes calldata fields = action[4:];
        bytes memory again;
        if (id == 1) {
            CoreOrder memory order = abi.decode(fields, (CoreOrder));
            again = abi.encode(order);
            _place(user, order);
        } else if (id == 7) {
            (uint64 amount, bool toPerp) = abi.decode(fields, (uint64, bool));
            again = abi.encode(amount, toPerp);
            _classTransfer(user, amount, toPerp);
        } else if (id == 9) {
            (address key, string memory name) = abi.decode(fields, (address, string));
            again = abi.encode(key, name);
            _enrol(user, key, name);
        } else if (id == 10) {
            (uint32 asset, uint64 oid) = abi.decode(fields, (uint32, uint64));
            again = abi.encode(asset, oid);
            _cancel(user, asset, oid);
        } else if (id == 11) {
            (uint32 asset, uint128 cloid) = abi.decode(fields, (uint32, uint128));
            again = abi.encode(asset, cloid);
            _cancel(user, asset, openOrder(user, cloid));
        } else if (id == 13) {
            again = _sendAsset(user, fields);
        } else if (id == 16) {
            (address whose, uint8 mode) = abi.decode(fields, (address, uint8));
            again = abi.encode(whose, mode);
            require(whose == user && mode >= 1 && mode <= 3, Dropped());
            accounts[user].mode = mode;
        }
        require(again.length > 0 && keccak256(again) == keccak256(fields), Dropped());
    }

    function _classTransfer(address user, uint256 amount, bool toPerp) internal {
        Account storage account = accounts[user];
        require(amount > 0, Dropped());
        if (toPerp) {
            account.spot -= amount * SPOT_PER_MICRO;
            account.rawUsd += amount.toInt256();
        } else {
            require(amount <= transferable(user), Dropped());
            account.rawUsd -= amount.toInt256();
            account.spot += amount * SPOT_PER_MICRO;
        }
    }

    /// @dev One name, one address: the one before is no agent any more.
    function _enrol(address user, address key, string memory name) internal {
        require(bytes(name).length <= NAME_LENGTH, Dropped());
        Agent memory holder = agents[key];
        require(holder.account == address(0) || holder.account == user || !isAgent(key, holder.account), Dropped());
        bytes32 id = keccak256(bytes(name));
        address before = agentNamed[user][id];
        if (before == address(0) && bytes(name).length > 0) {
            require(names[user] < NAMED_AGENTS, Dropped());
            ++names[user];
        }
        delete agents[before];
        agents[key] = Agent(user, id, block.timestamp + AGENT_LIFE);
        agentNamed[user][id] = key;
    }

    /// @dev Only USDC of the spot balance to the sender's own address on the EVM. Wei below a micro-USDC are burned.
    function _sendAsset(address user, bytes calldata fields) internal returns (bytes memory) {
        (address destination, address sub, uint32 from, uint32 to, uint64 token, uint64 amount) =
            abi.decode(fields, (address, address, uint32, uint32, uint64, uint64));
        require(destination == CoreWriterLib.USDC_SYSTEM && sub == address(0) && token == 0 && amount > 0, Dropped());
        require(from == CoreWriterLib.SPOT_DEX && to == CoreWriterLib.SPOT_DEX, Dropped());
        accounts[user].spot -= amount;
        queue.push(Queued(Kind.Payout, false, false, _after(payoutDelay), user, amount / SPOT_PER_MICRO, ""));
        return abi.encode(destination, sub, from, to, token, amount);
    }

    /* ORDERS */

    function _place(address user, CoreOrder memory order) internal {
        Market storage market = markets[order.asset];
        require(market.listed && order.tif >= CoreWriterLib.TIF_ALO && order.tif <= CoreWriterLib.TIF_IOC, Dropped());
        require(order.cloid == 0 || openOrder(user, order.cloid) == 0, Dropped());
        uint256 price = CoreOrderLib.rawPrice(order.limitPx, market.sizeDecimals);
        uint256 lots = CoreOrderLib.lotsOf(order.size, market.sizeDecimals);
        int256 signed = order.isBuy ? lots.toInt256() : -lots.toInt256();
        if (order.reduceOnly) {
            require(positions[user][order.asset] * signed < 0, Dropped());
        } else {
            require(price * lots >= MIN_NOTIONAL && _hasMargin(user, order.asset, signed), Dropped());
        }
        bool crosses = order.isBuy ? price >= market.ask : price <= market.bid;
        require(!crosses || order.tif != CoreWriterLib.TIF_ALO, Dropped());
        Resting memory rest = Resting(user, order.isBuy, order.reduceOnly, order.asset, order.cloid, price, lots);
        if (crosses) {
            uint256 depth = order.isBuy ? market.askLots : market.bidLots;
            uint256 filled = _allowed(rest, lots < depth ? lots : depth);
            _fill(rest, filled, order.isBuy ? market.ask : market.bid, TAKER_FEE);
            rest.lots -= filled;
        }
        if (rest.lots > 0 && order.tif != CoreWriterLib.TIF_IOC) resting.push(rest);
    }

    /// @dev At its own price, as a maker, once the other side has come to it.
    function _fillResting(Resting storage order) internal {
        Market storage market = markets[order.asset];
        bool reached = order.isBuy ? market.ask <= order.price : market.bid >= order.price;
        if (!reached) return;
        uint256 depth = order.isBuy ? market.askLots : market.bidLots;
        uint256 filled = _allowed(order, order.lots < depth ? order.lots : depth);
        _fill(order, filled, order.price, MAKER_FEE);
        order.lots = order.reduceOnly && filled == 0 ? 0 : order.lots - filled;
    }

    /// @dev A reduce-only order never trades more than the position it closes.
    function _allowed(Resting memory order, uint256 lots) internal view returns (uint256) {
        if (!order.reduceOnly) return lots;
        int256 size = positions[order.user][order.asset];
        int256 most = order.isBuy ? -size : size;
        uint256 most_ = most > 0 ? most.toUint256() : 0;
        return lots < most_ ? lots : most_;
    }

    function _fill(Resting memory order, uint256 lots, uint256 price, uint256 fee) internal {
        if (lots == 0) return;
        Market storage market = markets[order.asset];
        if (order.isBuy) market.askLots -= lots.toUint64();
        else market.bidLots -= lots.toUint64();
        int256 signed = order.isBuy ? lots.toInt256() : -lots.toInt256();
        positions[order.user][order.asset] += signed;
        accounts[order.user].rawUsd -= signed * price.toInt256() + (lots * price * fee / FEE_SCALE).toInt256();
        emit Filled(order.user, order.asset, signed, price, order.cloid);
    }

    function _cancel(address user, uint32 asset, uint256 oid) internal {
        require(oid > 0 && oid <= resting.length, Dropped());
        Resting storage order = resting[oid - 1];
        require(order.user == user && order.asset == asset && order.lots > 0, Dropped());
        order.lots = 0;
    }

    /// @dev Initial margin is asked of what adds risk only.
    function _hasMargin(address user, uint32 asset, int256 signed) internal view returns (bool) {
        int256 size = positions[user][asset];
        if (size * signed < 0 && SignedMath.abs(signed) <= SignedMath.abs(size)) return true;
        Market memory market = markets[asset];
        uint256 used = marginUsed(user) - SignedMath.abs(size) * market.mark / _leverage(market)
            + SignedMath.abs(size + signed) * market.mark / _leverage(market);
        return accountValue(user) >= used.toInt256();
    }

    /* VIEWS */

    function isAgent(address key, address user) public view returns (bool) {
        Agent memory agent = agents[key];
        return agent.account == user && user != address(0) && block.timestamp < agent.validUntil;
    }

    /// @notice The number of the open order with that client order id, or 0.
    function openOrder(address user, uint128 cloid) public view returns (uint256 oid) {
        for (uint256 i; i < resting.length; ++i) {
            if (resting[i].user == user && resting[i].cloid == cloid && resting[i].lots > 0) return i + 1;
        }
    }

    function accountValue(address user) public view returns (int256 value) {
        value = accounts[user].rawUsd;
        for (uint256 i; i < listed.length; ++i) {
            value += positions[user][listed[i]] * int256(uint256(markets[listed[i]].mark));
        }
    }

    function marginUsed(address user) public view returns (uint256 used) {
        for (uint256 i; i < listed.length; ++i) {
            Market memory market = markets[listed[i]];
            used += SignedMath.abs(positions[user][listed[i]]) * market.mark / _leverage(market);
        }
    }

    function notionalOf(address user) public view returns (uint256 notional) {
        for (uint256 i; i < listed.length; ++i) {
            notional += SignedMath.abs(positions[user][listed[i]]) * markets[listed[i]].mark;
        }
    }

    /// @notice What may really leave perp: account value less max(initial margin, a tenth of the notional).
    function transferable(address user) public view returns (uint256) {
        uint256 needed = marginUsed(user);
        uint256 tenth = (notionalOf(user) + 9) / 10;
        return _above(accountValue(user), needed > tenth ? needed : tenth);
    }

    /// @notice What a read precompile answers, as CoreState does.
    function get(address precompile, bytes calldata input) external view returns (bytes memory) {
        uint160 number = uint160(precompile);
        if (number == 0x809) return abi.encode(l1Block);
        if (number == 0x806 || number == 0x807 || number == 0x80a) {
            uint32 asset = abi.decode(input, (uint32));
            Market memory market = markets[asset];
            require(market.listed, Unknown(precompile, input));
            if (number == 0x806) return abi.encode(market.mark);
            if (number == 0x807) return abi.encode(market.oracle);
            return abi.encode(PerpAssetInfo("SIM", 0, market.sizeDecimals, market.maxLeverage, false));
        }
        if (number == 0x80f) {
            (, address user) = abi.decode(input, (uint32, address));
            return abi.encode(
                accountValue(user).toInt64(), marginUsed(user), notionalOf(user), accounts[user].rawUsd.toInt64()
            );
        }
        address who = address(uint160(uint256(bytes32(input[:32]))));
        if (number == 0x810) return abi.encode(accounts[who].exists);
        if (number == 0x801) return abi.encode(accounts[who].spot, uint64(0), uint64(0));
        if (number == 0x803) return abi.encode(_above(accountValue(who), marginUsed(who)));
        require(number == 0x800 || number == 0x813, Unknown(precompile, input));
        uint32 held = uint32(uint256(bytes32(input[32:64])));
        return abi.encode(positions[who][held].toInt64(), uint64(0), int64(0), DEFAULT_LEVERAGE.toUint32(), false);
    }

    /* INTERNAL */

    function _after(uint40 wait) internal view returns (uint40) {
        return uint40(block.timestamp) + wait;
    }

    function _leverage(Market memory market) internal pure returns (uint256) {
        return market.maxLeverage < DEFAULT_LEVERAGE ? market.maxLeverage : DEFAULT_LEVERAGE;
    }

    function _above(int256 value, uint256 needed) internal pure returns (uint256) {
        int256 left = value - needed.toInt256();
        return left > 0 ? left.toUint256() : 0;
    }
}
