import { defineConfig } from "vite";

// While developing, the keeper's API answers what the page asks of its own host.
const keeper = process.env["PRIME_API"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  base: "/",
  build: { target: "es2022", outDir: "dist", assetsDir: "assets", emptyOutDir: true },
  server: { fs: { allow: [".."] }, proxy: { "/v1": keeper, "/config.json": keeper } },
});
