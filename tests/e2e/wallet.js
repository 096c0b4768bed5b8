// A wallet for tests: one of anvil's unlocked accounts. Announced by EIP-6963 and present as window.ethereum.
// `testWallet.reject`: refuse to sign. `testWallet.lose`: answer with a hash, send nothing.
// SETTINGS (an object literal) is put in by tests/e2e/page_world.py: {rpc, account, chainId: null or a hex string}.
(() => {
  const settings = SETTINGS;
  const listeners = new Map();
  const control = { reject: false, lose: false, asked: [] };
  window.testWallet = control;

  const refuse = (code, message) => Promise.reject(Object.assign(new Error(message), { code }));

  async function forward(method, params) {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
    const answer = await fetch(settings.rpc, { method: "POST", headers: { "content-type": "application/json" }, body });
    const { result, error } = await answer.json();
    return error ? refuse(error.code, error.message) : result;
  }

  const provider = {
    async request({ method, params = [] }) {
      control.asked.push(method);
      switch (method) {
        case "eth_requestAccounts":
        case "eth_accounts":
          return [settings.account];
        case "eth_chainId":
          return settings.chainId ?? forward(method, params);
        case "wallet_switchEthereumChain":
          settings.chainId = params[0].chainId;
          for (const listener of listeners.get("chainChanged") ?? []) listener(settings.chainId);
          return null;
        case "eth_sendTransaction":
          if (control.reject) return refuse(4001, "User rejected the request.");
          return control.lose ? `0x${"ab".repeat(32)}` : forward(method, params);
        default:
          return forward(method, params);
      }
    },
    on(event, listener) {
      listeners.set(event, [...(listeners.get(event) ?? []), listener]);
    },
    removeListener(event, listener) {
      listeners.set(event, (listeners.get(event) ?? []).filter((other) => other !== listener));
    },
  };

  const info = { uuid: "4f3a1c52-7a0e-4c57-9d2b-6f1f0b9a7e11", name: "Test wallet", icon: "data:image/svg+xml,%3Csvg/%3E", rdns: "org.example.test" };
  const announce = () => window.dispatchEvent(
    new CustomEvent("eip6963:announceProvider", { detail: Object.freeze({ info, provider }) }),
  );
  window.ethereum = provider;
  window.addEventListener("eip6963:requestProvider", announce);
  announce();
})();
