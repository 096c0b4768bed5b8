/** Draws the model into the page. Only text nodes are written: nothing from outside becomes markup. */

import type { Hash } from "viem";

import type { BookedAccount, Config } from "./api";
import { ago, cents, decimal, fromApi, percent, shortHex, usdc } from "./format";
import type { SubAccount, Ticket, VaultState } from "./vault";
import type { Connection } from "./wallet";

export type ActivityState = "checking" | "signing" | "sent" | "confirmed" | "rejected" | "failed" | "unknown";

export interface Activity {
  title: string;
  state: ActivityState;
  detail: string;
  hash: Hash | null;
}

export interface Model {
  config: Config | null;
  connection: Connection | null;
  vault: VaultState | null;
  usdc: bigint | null;
  accounts: SubAccount[] | null;
  /** null: a new one. */
  selected: bigint | null;
  booked: BookedAccount[] | null;
  busy: boolean;
  activity: Activity[];
  problems: { chain: string | null; api: string | null; wallet: string | null };
}

const STATES: Record<ActivityState, string> = {
  checking: "Checking",
  signing: "Waiting for your signature",
  sent: "Sent, waiting for a block",
  confirmed: "Confirmed",
  rejected: "Rejected",
  failed: "Not done",
  unknown: "Not known yet",
};

const TIERS: Record<number, string> = {
  1: "Tier 1 · equity read by the contract itself",
  2: "Tier 2 · equity attested by several signers, capped",
};

export function element<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`index.html has no #${id}`);
  return found as T;
}

export function currentAccount(model: Model): SubAccount | null {
  return model.accounts?.find(({ id }) => id === model.selected) ?? null;
}

export function onRightChain(model: Model): boolean {
  return model.connection !== null && model.connection.chainId === model.config?.chainId;
}

export function render(model: Model): void {
  drawHeader(model);
  drawNotices(model);
  show("welcome", !model.connection);
  show("desk", model.connection !== null && model.accounts !== null);
  if (model.accounts) drawAccount(model);
  drawForms(model);
  drawActivity(model.activity);
  if (model.vault) drawVault(model.vault);
  show("vault", model.vault !== null);
  const { config } = model;
  write("addresses", config ? `Vault ${config.vault} · USDC ${config.usdc} · chain ${config.chainId}` : "");
}

function drawHeader({ connection, config }: Model): void {
  write("connect", connection ? `${connection.wallet.name} ${shortHex(connection.address)}` : "Connect wallet");
  element("connect").classList.toggle("primary", !connection);
  write("network", connection ? `Chain ${connection.chainId}` : "");
  show("network", connection !== null);
  element("network").classList.toggle("bad", connection !== null && connection.chainId !== config?.chainId);
}

function drawNotices(model: Model): void {
  const { chain, api, wallet } = model.problems;
  const texts = [wallet, chain, api].filter((text) => text !== null);
  if (model.vault && model.vault.deficit > 0n) {
    texts.push(`The vault has an uncovered loss of ${usdc(model.vault.deficit)} USDC. Deposits and withdrawals wait until it is repaid.`);
  }
  const notices = texts.map((text) => make("p", text, "notice"));
  if (model.connection && model.config && !onRightChain(model)) {
    const notice = make("p", `Your wallet is on chain ${model.connection.chainId}; this vault is on chain ${model.config.chainId}. `, "notice");
    const button = make("button", "Switch network");
    button.id = "switch";
    notice.append(button);
    notices.unshift(notice);
  }
  // Redrawn only when something changed: a screen reader announces every change of an alert.
  const shown = notices.map((notice) => notice.textContent).join("\n");
  const target = element("notices");
  if (target.dataset["shown"] === shown) return;
  target.dataset["shown"] = shown;
  target.replaceChildren(...notices);
}

function drawAccount(model: Model): void {
  const accounts = model.accounts ?? [];
  const account = currentAccount(model);
  drawChoice(accounts, model.selected);
  show("no-account", account === null);
  show("overview", account !== null);
  if (!account) return;
  // A reused id is another sub-account: the generation tells them apart.
  const booked = model.booked?.find(({ id, generation }) => BigInt(id) === account.id && generation === account.generation);
  const equity = booked ? fromApi(booked.equity) : null;
  // Both from the keeper, of one moment: the chain's balance may be a block ahead of its books.
  const settled = booked ? fromApi(booked.balance) : null;
  const change = equity === null || settled === null ? null : equity - settled;
  write("balance", usdc(account.balance));
  write("equity", equity === null ? "—" : usdc(equity));
  write("change", change === null ? "—" : `${change > 0n ? "+" : ""}${usdc(change)}`);
  element("change").className = change === null ? "" : sign(change);
  write("margin", booked ? usdc(fromApi(booked.margin_required) ?? 0n) : "—");
  drawPositions(model, booked ?? null);
}

function drawChoice(accounts: SubAccount[], selected: bigint | null): void {
  const select = element<HTMLSelectElement>("which");
  const options = accounts.map(({ id }) => new Option(`Account ${id}`, `${id}`));
  options.push(new Option("Open another…", ""));
  const key = options.map(({ value }) => value).join();
  if (select.dataset["key"] !== key) select.replaceChildren(...options);
  select.dataset["key"] = key;
  select.value = `${selected ?? ""}`;
  select.hidden = accounts.length === 0;
}

function drawPositions(model: Model, booked: BookedAccount | null): void {
  const names = new Map(model.config?.venues.map(({ adapter, name }) => [adapter.toLowerCase(), name]));
  const rows = (booked?.positions ?? []).map((position) => {
    const row = document.createElement("tr");
    const size = make("td", decimal(position.size), `number ${position.size.startsWith("-") ? "down" : "up"}`);
    const notional = position.notional === null ? null : fromApi(position.notional);
    row.append(
      make("td", position.instrument),
      make("td", names.get(position.venue.toLowerCase()) ?? position.venue),
      size,
      make("td", position.mark === null ? "—" : decimal(position.mark), "number"),
      make("td", notional === null ? position.notional ?? "—" : cents(notional), "number"),
    );
    return row;
  });
  show("positions", rows.length > 0);
  show("no-positions", rows.length === 0);
  const instruments = model.config?.instruments.join(", ");
  write("no-positions", booked ? `None open. Tradable: ${instruments}.` : "Not known: the keeper has not answered for this sub-account.");
  document.querySelector("#positions tbody")?.replaceChildren(...rows);
}

function drawForms(model: Model): void {
  const account = currentAccount(model);
  const opening = account === null;
  write("deposit-title", opening ? "Open a sub-account" : "Deposit");
  const submit = document.querySelector<HTMLButtonElement>("#deposit button[type=submit]");
  if (submit) submit.textContent = opening ? "Open sub-account" : "Deposit";
  const held = model.usdc === null ? "" : `Your wallet holds ${usdc(model.usdc)} USDC. `;
  write("deposit-note", held + (opening ? "100 USDC or more." : "A deposit counts at once."));
  show("withdrawals", account !== null);
  const ticket = account?.ticket ?? null;
  show("ticket", ticket !== null);
  show("withdraw", ticket === null);
  if (ticket) drawTicket(ticket);
  const blocked = model.busy || !onRightChain(model);
  for (const control of document.querySelectorAll<HTMLButtonElement | HTMLInputElement>("#desk button, #desk input")) {
    control.disabled = blocked;
  }
}

function drawTicket(ticket: Ticket): void {
  write("ticket-remaining", `${usdc(ticket.remaining)} USDC`);
  write("ticket-payable", `${usdc(ticket.payable)} USDC`);
  write("ticket-receiver", shortHex(ticket.receiver));
  element("ticket-receiver").title = ticket.receiver;
  write("ticket-note", ticket.payable > 0n
    ? "This cash is reserved for you. Nothing can stop the claim."
    : "The next settlement reserves the cash. You can cancel until then.");
  write("claim", `Claim ${usdc(ticket.payable)} USDC`);
  show("claim", ticket.payable > 0n);
  show("cancel", ticket.remaining > 0n);
}

function drawActivity(activity: Activity[]): void {
  show("activity", activity.length > 0);
  const items = activity.map(({ title, state, detail, hash }) => {
    const item = make("li", "", state);
    item.append(make("span", title), make("strong", STATES[state]));
    if (detail) item.append(make("span", detail, "detail"));
    if (hash) {
      const code = make("code", shortHex(hash));
      code.title = hash;
      item.append(code);
    }
    return item;
  });
  const list = element("activity-list");
  const shown = JSON.stringify(activity);
  if (list.dataset["shown"] === shown) return;
  list.dataset["shown"] = shown;
  list.replaceChildren(...items);
}

function drawVault(vault: VaultState): void {
  const [cash, read, attested] = vault.assets;
  const total = cash + read + attested;
  write("coverage", vault.liabilities > 0n ? `${percent(total, vault.liabilities)} covered` : "Nothing owed");
  element("coverage").classList.toggle("bad", total < vault.liabilities);
  element("coverage").classList.toggle("good", total >= vault.liabilities);
  const parts: [string, bigint][] = [["cash", cash], ["tier1", read], ["tier2", attested]];
  document.querySelectorAll<HTMLElement>("#bar i").forEach((bar, index) => {
    const share = total > 0n ? ((parts[index]?.[1] ?? 0n) * 10_000n) / total : 0n;
    bar.style.flexGrow = `${share}`;
  });
  for (const [id, amount] of [...parts, ["liabilities", vault.liabilities], ["insurance", vault.insurance]] as const) {
    write(id, cents(amount));
    element(id).title = `${usdc(amount)} USDC`;
  }
  element("bar").ariaLabel = `Assets: ${cents(cash)} cash, ${cents(read)} at tier 1 venues, ${cents(attested)} at tier 2 venues`;
  write("epoch", vault.epoch === 0n ? "none yet" : `No. ${vault.epoch}, ${ago(Number(vault.time - vault.committedAt))}`);
  element("venues").replaceChildren(...vault.venues.map((venue) => {
    const item = make("li", "");
    item.title = venue.adapter;
    const status = !venue.listed ? "not listed" : venue.suspended ? "suspended: no new money is sent" : `${cents(venue.book)} USDC`;
    item.append(make("strong", venue.name), make("span", TIERS[venue.tier] ?? `Tier ${venue.tier}`, "quiet"), make("span", status, "number"));
    return item;
  }));
}

function sign(value: bigint): string {
  return value > 0n ? "up" : value < 0n ? "down" : "";
}

function make(tag: string, text: string, className = ""): HTMLElement {
  const made = document.createElement(tag);
  made.textContent = text;
  made.className = className;
  return made;
}

function write(id: string, text: string): void {
  const target = element(id);
  if (target.textContent !== text) target.textContent = text;
}

function show(id: string, visible: boolean): void {
  element(id).hidden = !visible;
}
