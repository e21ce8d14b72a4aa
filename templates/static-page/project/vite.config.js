import { readdirSync } from "node:fs";
import { defineConfig } from "vite";

// Every .html file of this folder is a page of its own.
const pages = readdirSync(".").filter((name) => name.endsWith(".html"));

export default defineConfig({
  appType: "mpa",
  // The preview looks for exactly this port.
  server: { host: "0.0.0.0", port: 3000, strictPort: true },
  build: { outDir: "dist/client", emptyOutDir: true, rolldownOptions: { input: pages } },
});
