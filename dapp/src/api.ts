/** The keeper's HTTP API, as far as the page reads it. Decimals come as strings. */

import type { Address } from "viem";

export interface Config {
  chainId: number;
  rpc: string;
  vault: Address;
  usdc: Address;
  instruments: string[];
  venues: { name: string; adapter: Address; tier: number }[];
}

export interface Position {
  instrument: string;
  venue: string;
  size: string;
  mark: string | null;
  notional: string | null;
}

/** A sub-account in the keeper's books. `equity` = balance + profit and loss since the last settlement. */
export interface BookedAccount {
  id: number;
  generation: number;
  balance: string;
  equity: string;
  margin_required: string;
  positions: Position[];
}

const PATIENCE_MS = 4000;
const LAST_CONFIG = "prime.config";

async function get<T>(path: string): Promise<T> {
  const answer = await fetch(path, { signal: AbortSignal.timeout(PATIENCE_MS), headers: { accept: "application/json" } });
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}`);
  return (await answer.json()) as T;
}

/** The addresses. When the API does not answer, the last ones it gave; null when it never did. */
export async function loadConfig(): Promise<Config | null> {
  try {
    const config = await get<Config>("/config.json");
    localStorage.setItem(LAST_CONFIG, JSON.stringify(config));
    return config;
  } catch {
    const stored = localStorage.getItem(LAST_CONFIG);
    return stored === null ? null : (JSON.parse(stored) as Config);
  }
}

export function bookedAccounts(owner: Address): Promise<BookedAccount[]> {
  return get<BookedAccount[]>(`/v1/accounts?owner=${owner.toLowerCase()}`);
}

/** Resolves when the API answers at all. */
export async function ping(): Promise<void> {
  const answer = await fetch("/healthz", { signal: AbortSignal.timeout(PATIENCE_MS) });
  if (!answer.ok) throw new Error(`/healthz answered ${answer.status}`);
}
