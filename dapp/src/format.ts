/** Amounts are bigint micro-USDC from the input field to the chain: no number type ever holds one. */

const DECIMALS = 6;
const UNIT = 10n ** BigInt(DECIMALS);

export type Parsed = { amount: bigint } | { problem: string };

/** Reads what a person typed. A problem says how to mend it. */
export function parseUsdc(text: string): Parsed {
  const typed = text.trim();
  if (typed === "") return { problem: "Enter an amount in USDC, for example 100.50." };
  if (typed.includes(",")) return { problem: "Leave out commas and use a point for cents, for example 1000.50." };
  const match = /^(\d*)(?:\.(\d*))?$/.exec(typed);
  const whole = match?.[1] ?? "";
  const fraction = match?.[2] ?? "";
  if (!match || whole + fraction === "") return { problem: "Use digits and at most one point, for example 100.50." };
  if (fraction.length > DECIMALS) return { problem: `USDC has ${DECIMALS} decimals: remove ${fraction.length - DECIMALS}.` };
  const amount = BigInt(whole || "0") * UNIT + BigInt(fraction.padEnd(DECIMALS, "0"));
  return amount > 0n ? { amount } : { problem: "Enter an amount above zero." };
}

/** Digits grouped by thousands; a fraction of `least` decimals or more, as many as the value has. */
export function usdc(amount: bigint, least = 2): string {
  const size = amount < 0n ? -amount : amount;
  const fraction = (size % UNIT).toString().padStart(DECIMALS, "0").replace(/0+$/, "").padEnd(least, "0");
  return `${amount < 0n ? "−" : ""}${group((size / UNIT).toString())}${fraction ? `.${fraction}` : ""}`;
}

/** For overviews: whole cents, rounded down. */
export function cents(amount: bigint): string {
  const step = UNIT / 100n;
  const rounded = amount < 0n ? -(((-amount + step - 1n) / step) * step) : (amount / step) * step;
  return usdc(rounded);
}

/** What goes back into an input field. */
export function plain(amount: bigint): string {
  return usdc(amount, 0).replaceAll(",", "");
}

/** Micro-USDC of a decimal string of the API; null when it is not one. */
export function fromApi(text: string): bigint | null {
  const match = /^(-?)(\d+)(?:\.(\d{1,6})0*)?$/.exec(text);
  if (!match) return null;
  const size = BigInt(match[2] ?? "0") * UNIT + BigInt((match[3] ?? "").padEnd(DECIMALS, "0"));
  return match[1] ? -size : size;
}

/** A price or a size of the API with its thousands grouped, every digit kept. */
export function decimal(text: string): string {
  const match = /^(-?)(\d+)(\.\d+)?$/.exec(text);
  return match ? `${match[1] ? "−" : ""}${group(match[2] ?? "")}${match[3] ?? ""}` : text;
}

export function shortHex(text: string): string {
  return `${text.slice(0, 6)}…${text.slice(-4)}`;
}

/** `part / whole` with one decimal, rounded down. */
export function percent(part: bigint, whole: bigint): string {
  const tenths = (part * 1000n) / whole;
  return `${group((tenths / 10n).toString())}.${tenths % 10n}%`;
}

export function ago(seconds: number): string {
  if (seconds < 60) return "just now";
  const [size, unit] = seconds < 3600 ? [60, "min"] : seconds < 86_400 ? [3600, "h"] : [86_400, "d"];
  return `${Math.floor(seconds / size)} ${unit} ago`;
}

function group(digits: string): string {
  return digits.replace(/\B(?=(\d{3})+$)/g, ",");
}
