/** The vault on chain: what the page reads, and the calls that it asks the wallet to sign. */

import {
  createPublicClient, createWalletClient, custom, defineChain, erc20Abi, http,
  type Abi, type Address, type Hash, type PublicClient,
} from "viem";

import vaultJson from "../../keeper/chain/abi/PrimeVault.json";
import type { Config } from "./api";
import type { Connection } from "./wallet";

const vaultAbi = vaultJson as Abi;

/** Limits of the contract (ConstantsLib.sol), checked here only to say so before anything is signed. */
export const MIN_OPENING = 100_000_000n;
export const MIN_TICKET = 10_000_000n;

const POLLING_MS = 400;
const CONFIRM_PATIENCE_MS = 120_000;

export interface Ticket {
  id: bigint;
  remaining: bigint;
  payable: bigint;
  receiver: Address;
}

export interface SubAccount {
  id: bigint;
  generation: number;
  balance: bigint;
  closing: boolean;
  ticket: Ticket | null;
}

export interface Venue {
  name: string;
  adapter: Address;
  tier: number;
  listed: boolean;
  suspended: boolean;
  book: bigint;
}

export interface VaultState {
  time: bigint;
  epoch: bigint;
  committedAt: bigint;
  insurance: bigint;
  deficit: bigint;
  assets: [cash: bigint, read: bigint, attested: bigint];
  liabilities: bigint;
  venues: Venue[];
}

export interface Call {
  to: "vault" | "usdc";
  name: string;
  args: readonly unknown[];
}

export type Stage = { state: "signing" } | { state: "sent"; hash: Hash } | { state: "confirmed"; hash: Hash };

/** The transaction is settled and did nothing. Any other error after "sent" leaves its fate open. */
export class Failed extends Error {}

interface RawAccount { owner: Address; generation: number; open: boolean; closing: boolean }
interface RawTicket { remaining: bigint; payable_: bigint; receiver: Address }
interface RawVenue { book: bigint; tier: number; listed: boolean; suspended: boolean }

export class VaultClient {
  private readonly chain;
  private readonly reader: PublicClient;
  /** Ids that logs up to `seenBlock` name, by owner. */
  private readonly opened = new Map<Address, { seenBlock: bigint; ids: Set<bigint> }>();

  constructor(private readonly config: Config) {
    const nativeCurrency = { name: "Ether", symbol: "ETH", decimals: 18 };
    const rpcUrls = { default: { http: [config.rpc] } };
    this.chain = defineChain({ id: config.chainId, name: `Chain ${config.chainId}`, nativeCurrency, rpcUrls });
    const transport = http(config.rpc, { batch: true, retryCount: 1, timeout: 5000 });
    // Without ccipRead a contract cannot send this page to hosts of its choice.
    this.reader = createPublicClient({ chain: this.chain, transport, pollingInterval: POLLING_MS, ccipRead: false });
  }

  /* READS */

  async state(): Promise<VaultState> {
    const [block, epoch, committedAt, insurance, deficit, solvency, venues] = await Promise.all([
      this.reader.getBlock(),
      this.read<bigint>("epoch"),
      this.read<bigint>("committedAt"),
      this.read<bigint>("insurance"),
      this.read<bigint>("deficit"),
      this.read<[bigint, bigint, bigint, bigint]>("solvency"),
      Promise.all(this.config.venues.map((venue) => this.venue(venue))),
    ]);
    const [cash, read, attested, liabilities] = solvency;
    return { time: block.timestamp, epoch, committedAt, insurance, deficit, assets: [cash, read, attested], liabilities, venues };
  }

  /** Open sub-accounts of an owner, lowest id first. */
  async accounts(owner: Address): Promise<SubAccount[]> {
    const found = await Promise.all([...(await this.idsOf(owner))].map((id) => this.account(id, owner)));
    return found.filter((account) => account !== null).sort((a, b) => Number(a.id - b.id));
  }

  usdcOf(owner: Address): Promise<bigint> {
    return this.reader.readContract({ address: this.config.usdc, abi: erc20Abi, functionName: "balanceOf", args: [owner] });
  }

  /** What the vault may pull from `owner`. */
  allowanceOf(owner: Address): Promise<bigint> {
    const args = [owner, this.config.vault] as const;
    return this.reader.readContract({ address: this.config.usdc, abi: erc20Abi, functionName: "allowance", args });
  }

  private async venue({ name, adapter, tier }: Config["venues"][number]): Promise<Venue> {
    const { book, listed, suspended } = await this.read<RawVenue>("venueOf", adapter);
    return { name, adapter, tier, listed, suspended, book };
  }

  private async account(id: bigint, owner: Address): Promise<SubAccount | null> {
    const [raw, balance, ticket] = await Promise.all([
      this.read<RawAccount>("accountOf", id),
      this.read<bigint>("laneOf", id),
      this.read<bigint>("pendingTicketOf", id),
    ]);
    // A closed id may belong to somebody else by now.
    if (!raw.open || raw.owner !== owner) return null;
    const { generation, closing } = raw;
    return { id, generation, balance, closing, ticket: ticket > 0n ? await this.ticket(ticket) : null };
  }

  private async ticket(id: bigint): Promise<Ticket> {
    const { remaining, payable_, receiver } = await this.read<RawTicket>("ticketOf", id);
    return { id, remaining, payable: payable_, receiver };
  }

  private async idsOf(owner: Address): Promise<Set<bigint>> {
    const known = this.opened.get(owner) ?? { seenBlock: -1n, ids: new Set<bigint>() };
    const last = await this.reader.getBlockNumber({ cacheTime: 0 });
    if (last > known.seenBlock) {
      const logs = await this.reader.getContractEvents({
        address: this.config.vault, abi: vaultAbi, eventName: "AccountOpened",
        args: { owner }, fromBlock: known.seenBlock + 1n, toBlock: last,
      });
      for (const log of logs) known.ids.add((log.args as unknown as { id: bigint }).id);
      this.opened.set(owner, { seenBlock: last, ids: known.ids });
    }
    return known.ids;
  }

  private async read<T>(functionName: string, ...args: unknown[]): Promise<T> {
    return (await this.reader.readContract({ address: this.config.vault, abi: vaultAbi, functionName, args })) as T;
  }

  /* CALLS */

  approve = (amount: bigint): Call => ({ to: "usdc", name: "approve", args: [this.config.vault, amount] });
  open = (owner: Address, amount: bigint): Call => ({ to: "vault", name: "openAccount", args: [owner, amount] });
  deposit = (id: bigint, amount: bigint): Call => ({ to: "vault", name: "deposit", args: [id, amount] });
  withdraw = (id: bigint, amount: bigint, receiver: Address): Call => ({ to: "vault", name: "requestWithdraw", args: [id, amount, receiver] });
  cancel = (ticket: bigint): Call => ({ to: "vault", name: "cancelWithdraw", args: [ticket] });
  claim = (ticket: bigint): Call => ({ to: "vault", name: "claim", args: [ticket] });

  /**
   * Tries the call on the node, has the wallet sign and send it, waits until it is in a block.
   * Throws before anything is sent when the contract would refuse; `Failed` when it landed and did nothing.
   */
  async transact({ wallet, address }: Connection, call: Call, report: (stage: Stage) => void): Promise<void> {
    const target = call.to === "vault"
      ? { address: this.config.vault, abi: vaultAbi }
      : { address: this.config.usdc, abi: erc20Abi as Abi };
    const request = { ...target, functionName: call.name, args: call.args, account: address };
    await this.reader.simulateContract(request);
    report({ state: "signing" });
    const signer = createWalletClient({ account: address, chain: this.chain, transport: custom(wallet.provider) });
    const hash = await signer.writeContract(request);
    report({ state: "sent", hash });
    let replaced = false;
    const receipt = await this.reader.waitForTransactionReceipt({
      hash, timeout: CONFIRM_PATIENCE_MS, onReplaced: ({ reason }) => { replaced = reason !== "repriced"; },
    });
    if (replaced) throw new Failed("Cancelled or replaced in your wallet; this one did not happen.");
    if (receipt.status !== "success") throw new Failed("The contract refused it when its turn came; only the network fee was paid.");
    report({ state: "confirmed", hash: receipt.transactionHash });
  }
}
