/** What went wrong, in words that name the fix. */

import { BaseError, ContractFunctionRevertedError, HttpRequestError, TimeoutError } from "viem";

const REJECTED = 4001;
const ALREADY_ASKING = -32002;

const HINTS: Record<string, string> = {
  AccountNotOpen: "This sub-account is closed. Open a new one.",
  AmountTooSmall: "The amount is too small: a first deposit is at least 100 USDC, a withdrawal at least 10 or everything.",
  BadReceiver: "Money cannot be paid to the vault or to a venue. Choose another receiver.",
  DeficitOpen: "Deposits are closed while the vault has an uncovered loss. Try again after it is repaid.",
  InsuranceNotSeeded: "The vault is not open yet: its insurance holds less than 100 USDC.",
  NotOwner: "This wallet does not own the sub-account. Switch to the account that opened it.",
  NothingPayable: "Nothing is payable yet. Wait for the next settlement.",
  TicketNotPending: "This withdrawal is already paid or cancelled.",
  TicketUnpaid: "One withdrawal at a time: cancel or claim the open one first.",
  TooManyAccounts: "The vault is full: all 1,024 sub-accounts are taken.",
  WithdrawTooLarge: "The amount is above your balance. Enter less.",
};

/** True when the person said no in the wallet. */
export function isRejection(error: unknown): boolean {
  return codes(error).includes(REJECTED);
}

export function explain(error: unknown): string {
  if (isRejection(error)) return "You rejected the request; nothing was sent.";
  if (codes(error).includes(ALREADY_ASKING)) return "Your wallet is already asking you something. Open it and answer.";
  if (error instanceof BaseError) {
    const reverted = error.walk((cause) => cause instanceof ContractFunctionRevertedError);
    if (reverted instanceof ContractFunctionRevertedError) {
      const name = reverted.data?.errorName ?? reverted.reason ?? reverted.signature ?? "no reason given";
      return HINTS[name] ?? `The contract refused: ${name}.`;
    }
    if (isUnreachable(error)) return "The chain's node does not answer. Check that it runs, then try again.";
    return error.shortMessage;
  }
  return error instanceof Error ? error.message : String((error as { message?: string }).message ?? error);
}

function isUnreachable(error: BaseError): boolean {
  return error.walk((cause) => cause instanceof HttpRequestError || cause instanceof TimeoutError) !== null;
}

/** Error codes along the chain of causes: wallets nest their own inside others. */
function codes(error: unknown): number[] {
  const found: number[] = [];
  let at: unknown = error;
  for (let depth = 0; at && typeof at === "object" && depth < 10; depth += 1) {
    const { code, cause } = at as { code?: unknown; cause?: unknown };
    if (typeof code === "number") found.push(code);
    at = cause;
  }
  return found;
}
