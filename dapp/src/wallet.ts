/** Wallets in this browser: EIP-6963 announcements, else the one at window.ethereum (EIP-1193). */

import { getAddress, numberToHex, type Address, type EIP1193Provider } from "viem";

import type { Config } from "./api";

export interface Wallet {
  id: string;
  name: string;
  icon: string | null;
  provider: EIP1193Provider;
}

export interface Connection {
  wallet: Wallet;
  address: Address;
  chainId: number;
}

interface Announcement extends Event {
  detail: { info: { uuid: string; name: string; icon: string; rdns: string }; provider: EIP1193Provider };
}

declare global {
  interface Window {
    ethereum?: EIP1193Provider;
  }
}

const LAST_WALLET = "prime.wallet";
const UNKNOWN_CHAIN = 4902;
const announced = new Map<string, Wallet>();

/** Asks wallets to announce themselves, now and as they load; calls back for each one. */
export function discover(found: () => void): void {
  window.addEventListener("eip6963:announceProvider", (event) => {
    const { info, provider } = (event as Announcement).detail;
    // Only pictures that travel with the announcement: a link would tell a stranger who opens this page.
    const icon = info.icon.startsWith("data:image/") ? info.icon : null;
    announced.set(info.uuid, { id: info.rdns, name: info.name, icon, provider });
    found();
  });
  window.dispatchEvent(new Event("eip6963:requestProvider"));
}

export function wallets(): Wallet[] {
  if (announced.size > 0) return [...announced.values()];
  return window.ethereum ? [{ id: "window", name: "Browser wallet", icon: null, provider: window.ethereum }] : [];
}

/** Asks the person for an account. Throws what the wallet throws (4001: refused). */
export async function connect(wallet: Wallet): Promise<Connection> {
  const [account] = await wallet.provider.request({ method: "eth_requestAccounts" });
  if (!account) throw new Error("The wallet shared no account. Unlock it and choose one.");
  localStorage.setItem(LAST_WALLET, wallet.id);
  return describe(wallet, account);
}

/** Picks up the last connection without asking; null when the wallet would have to ask. */
export async function reconnect(): Promise<Connection | null> {
  const wallet = wallets().find(({ id }) => id === localStorage.getItem(LAST_WALLET));
  const [account] = (await wallet?.provider.request({ method: "eth_accounts" })) ?? [];
  return wallet && account ? describe(wallet, account) : null;
}

/** Tells of every change of account or chain; `null` = no account is shared any more. */
export function watch(wallet: Wallet, changed: (connection: Connection | null) => void): void {
  const look = async (): Promise<void> => {
    const [account] = await wallet.provider.request({ method: "eth_accounts" });
    changed(account ? await describe(wallet, account) : null);
  };
  wallet.provider.on("accountsChanged", () => void look());
  wallet.provider.on("chainChanged", () => void look());
  wallet.provider.on("disconnect", () => changed(null));
}

/** Moves the wallet to the vault's chain, adding it when the wallet does not know it. */
export async function switchChain(wallet: Wallet, config: Config): Promise<void> {
  const chainId = numberToHex(config.chainId);
  try {
    await wallet.provider.request({ method: "wallet_switchEthereumChain", params: [{ chainId }] });
  } catch (error) {
    if ((error as { code?: number }).code !== UNKNOWN_CHAIN) throw error;
    const nativeCurrency = { name: "Ether", symbol: "ETH", decimals: 18 };
    const chain = { chainId, chainName: `Chain ${config.chainId}`, rpcUrls: [config.rpc], nativeCurrency };
    await wallet.provider.request({ method: "wallet_addEthereumChain", params: [chain] });
  }
}

async function describe(wallet: Wallet, account: string): Promise<Connection> {
  const chainId = Number(await wallet.provider.request({ method: "eth_chainId" }));
  return { wallet, address: getAddress(account), chainId };
}
