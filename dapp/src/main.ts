/** Keeps the model fresh and carries out what the person asks for. */

import { bookedAccounts, loadConfig, ping } from "./api";
import { explain, isRejection } from "./errors";
import { parseUsdc, plain, usdc } from "./format";
import { Failed, MIN_OPENING, MIN_TICKET, VaultClient, type Call } from "./vault";
import { currentAccount, element, onRightChain, render, type Activity, type Model } from "./view";
import { connect, discover, reconnect, switchChain, wallets, watch, type Connection, type Wallet } from "./wallet";

const REFRESH_MS = 2000;
const KEPT_ACTIVITIES = 6;

const API_SILENT = "The keeper's API does not answer: equity and positions are not shown. What you see comes from the chain; deposits and claims work.";
const NO_CONFIG = "The keeper's API does not answer, and this browser has never seen its addresses. Start the keeper, then reload.";
const NO_WALLET = "No wallet was found in this browser. Install one (or allow it on this page), then reload.";

const model: Model = {
  config: null, connection: null, vault: null, usdc: null, accounts: null, selected: null, booked: null,
  busy: false, activity: [], problems: { chain: null, api: null, wallet: null },
};
let client: VaultClient | null = null;
let started = 0;
let applied = 0;
const watched = new Set<Wallet>();

/* READING */

async function refresh(): Promise<void> {
  await Promise.all([refreshChain(), refreshBooks()]);
  render(model);
}

async function refreshChain(): Promise<void> {
  if (!client) return;
  const turn = (started += 1);
  const owner = model.connection?.address;
  try {
    const [vault, accounts, held] = await Promise.all([
      client.state(), owner ? client.accounts(owner) : null, owner ? client.usdcOf(owner) : null,
    ]);
    if (turn < applied) return;  // A later look has answered already.
    applied = turn;
    model.vault = vault;
    model.problems.chain = null;
    if (owner !== model.connection?.address) return;  // The person changed accounts meanwhile.
    const first = model.accounts === null;
    model.accounts = accounts;
    model.usdc = held;
    if (first || (model.selected !== null && !currentAccount(model))) model.selected = accounts?.[0]?.id ?? null;
  } catch (error) {
    model.problems.chain = `${explain(error)} Figures may be old.`;
  }
}

async function refreshBooks(): Promise<void> {
  const owner = model.connection?.address;
  try {
    const booked = owner ? await bookedAccounts(owner) : (await ping(), null);
    if (owner === model.connection?.address) model.booked = booked;
    model.problems.api = null;
  } catch {
    model.booked = null;
    model.problems.api = model.config ? API_SILENT : NO_CONFIG;
  }
}

async function refreshForEver(): Promise<void> {
  for (;;) {
    if (!document.hidden) await refresh();
    await new Promise((resolve) => setTimeout(resolve, REFRESH_MS));
  }
}

/* WALLET */

async function adopt(connection: Connection | null): Promise<void> {
  if (connection?.address !== model.connection?.address) {
    Object.assign(model, { accounts: null, usdc: null, booked: null, selected: null });
  }
  model.connection = connection;
  model.problems.wallet = null;
  if (connection && !watched.has(connection.wallet)) {
    watched.add(connection.wallet);
    watch(connection.wallet, (changed) => void adopt(changed));
  }
  render(model);
  await refresh();
}

/** Takes up the last visit's wallet. One that does not answer is simply not connected. */
async function resume(): Promise<void> {
  if (model.connection) return;
  const connection = await reconnect().catch(() => null);
  if (connection && !model.connection) await adopt(connection);
}

async function useWallet(wallet: Wallet): Promise<void> {
  element<HTMLDialogElement>("choose").close();
  await guarded(async () => adopt(await connect(wallet)));
}

function chooseWallet(): void {
  const found = wallets();
  model.problems.wallet = found.length === 0 ? NO_WALLET : null;
  const [only, another] = found;
  if (only && !another) void useWallet(only);
  else if (only) openChoice(found);
  render(model);
}

function openChoice(found: Wallet[]): void {
  element("wallets").replaceChildren(...found.map((wallet) => {
    const item = document.createElement("li");
    const button = document.createElement("button");
    if (wallet.icon) {
      const icon = new Image(24, 24);
      icon.src = wallet.icon;
      icon.alt = "";
      button.append(icon);
    }
    button.append(wallet.name);
    button.addEventListener("click", () => void useWallet(wallet));
    item.append(button);
    return item;
  }));
  element<HTMLDialogElement>("choose").showModal();
}

async function guarded(step: () => Promise<void>): Promise<void> {
  model.problems.wallet = null;
  try {
    await step();
  } catch (error) {
    model.problems.wallet = explain(error);
  }
  render(model);
}

/* ACTIONS */

/** Carries out calls one after the other, each its own line of activity. True when all are confirmed. */
async function perform(steps: [title: string, call: Call][]): Promise<boolean> {
  const { connection } = model;
  if (!client || !connection || !onRightChain(model) || model.busy) return false;
  model.busy = true;
  let done = true;
  for (const [title, call] of steps) {
    done = done && (await performOne(client, connection, title, call));
  }
  model.busy = false;
  await refresh();
  return done;
}

async function performOne(vault: VaultClient, connection: Connection, title: string, call: Call): Promise<boolean> {
  const activity: Activity = { title, state: "checking", detail: "", hash: null };
  model.activity = [activity, ...model.activity].slice(0, KEPT_ACTIVITIES);
  render(model);
  try {
    await vault.transact(connection, call, (stage) => {
      Object.assign(activity, stage);
      render(model);
    });
    return true;
  } catch (error) {
    const open = activity.state === "sent" && !(error instanceof Failed);
    activity.state = open ? "unknown" : isRejection(error) ? "rejected" : "failed";
    activity.detail = open ? "It may still land. Look in your wallet before you send it again." : explain(error);
    render(model);
    return false;
  }
}

/** An amount between the bounds, or null after showing the problem next to the field. */
function amountFrom(form: "deposit" | "withdraw", check: (amount: bigint) => string | null): bigint | null {
  const input = element<HTMLInputElement>(`${form}-amount`);
  const parsed = parseUsdc(input.value);
  const problem = "problem" in parsed ? parsed.problem : check(parsed.amount);
  element(`${form}-problem`).textContent = problem ?? "";
  input.setAttribute("aria-invalid", `${problem !== null}`);
  if (problem !== null) input.focus();
  return problem === null && "amount" in parsed ? parsed.amount : null;
}

async function deposit(): Promise<void> {
  const { connection } = model;
  const account = currentAccount(model);
  const held = model.usdc ?? 0n;
  if (!client || !connection) return;
  const amount = amountFrom("deposit", (asked) => {
    if (!account && asked < MIN_OPENING) return "A first deposit is 100 USDC or more.";
    return asked > held ? `Your wallet holds ${usdc(held)} USDC: enter that or less.` : null;
  });
  if (amount === null) return;
  const vault = client;
  await guarded(async () => {
    const text = `${usdc(amount)} USDC`;
    const steps: [string, Call][] = account
      ? [[`Deposit ${text}`, vault.deposit(account.id, amount)]]
      : [[`Open a sub-account with ${text}`, vault.open(connection.address, amount)]];
    // Exactly this amount: an unlimited allowance would outlive its use.
    if ((await vault.allowanceOf(connection.address)) < amount) steps.unshift([`Allow the vault to take ${text}`, vault.approve(amount)]);
    const before = new Set(model.accounts?.map(({ id }) => id));
    if (!(await perform(steps))) return;
    element<HTMLInputElement>("deposit-amount").value = "";
    if (!account) model.selected = model.accounts?.find(({ id }) => !before.has(id))?.id ?? model.selected;
  });
}

async function withdraw(): Promise<void> {
  const { connection } = model;
  const account = currentAccount(model);
  if (!client || !connection || !account) return;
  const amount = amountFrom("withdraw", (asked) => {
    if (asked > account.balance) return `Your balance is ${usdc(account.balance)} USDC: enter that or less.`;
    return asked < MIN_TICKET && asked !== account.balance ? "Withdraw 10 USDC or more, or the whole balance." : null;
  });
  if (amount === null) return;
  const done = await perform([[`Request ${usdc(amount)} USDC`, client.withdraw(account.id, amount, connection.address)]]);
  if (done) element<HTMLInputElement>("withdraw-amount").value = "";
}

async function settleTicket(action: "claim" | "cancel"): Promise<void> {
  const ticket = currentAccount(model)?.ticket;
  if (!client || !ticket) return;
  const title = action === "claim" ? `Claim ${usdc(ticket.payable)} USDC` : `Cancel the withdrawal of ${usdc(ticket.remaining)} USDC`;
  await perform([[title, client[action](ticket.id)]]);
}

/* START */

function fill(id: string, amount: bigint): void {
  element<HTMLInputElement>(id).value = plain(amount);
}

function listen(): void {
  element("connect").addEventListener("click", chooseWallet);
  element("choose-close").addEventListener("click", () => element<HTMLDialogElement>("choose").close());
  element("notices").addEventListener("click", (event) => {
    const { config, connection } = model;
    if ((event.target as HTMLElement).id !== "switch" || !config || !connection) return;
    void guarded(() => switchChain(connection.wallet, config));
  });
  element("which").addEventListener("change", (event) => {
    const { value } = event.target as HTMLSelectElement;
    model.selected = value ? BigInt(value) : null;
    render(model);
  });
  element("deposit").addEventListener("submit", (event) => { event.preventDefault(); void deposit(); });
  element("withdraw").addEventListener("submit", (event) => { event.preventDefault(); void withdraw(); });
  element("deposit-max").addEventListener("click", () => fill("deposit-amount", model.usdc ?? 0n));
  element("withdraw-max").addEventListener("click", () => fill("withdraw-amount", currentAccount(model)?.balance ?? 0n));
  element("claim").addEventListener("click", () => void settleTicket("claim"));
  element("cancel").addEventListener("click", () => void settleTicket("cancel"));
}

async function start(): Promise<void> {
  listen();
  discover(() => void resume());
  render(model);
  model.config = await loadConfig();
  if (!model.config) model.problems.api = NO_CONFIG;
  else client = new VaultClient(model.config);
  await resume();
  render(model);
  await refreshForEver();
}

void start();
