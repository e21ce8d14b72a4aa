import { rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

// The Go server that the development server hands the API to.
const server = process.env.SURGENT_URL ?? "http://localhost:3210";

// Empties the output before a build but for the placeholder, which is committed so that Go builds without Node.
function emptyDist(): Plugin {
  let out = "";
  return {
    name: "empty-dist",
    apply: "build",
    configResolved(config) {
      out = resolve(config.root, config.build.outDir);
    },
    buildStart() {
      for (const name of ["assets", ".vite", "index.html", "icon.svg", "theme.js"]) {
        rmSync(join(out, name), { recursive: true, force: true });
      }
    },
  };
}

// Asks for the text font beside the scripts, so that it is there for the first drawing.
const preloadFont: Plugin = {
  name: "preload-font",
  apply: "build",
  transformIndexHtml: {
    order: "post",
    handler(_, { bundle }) {
      const font = Object.keys(bundle ?? {}).find((file) => /hanken.*\.woff2$/.test(file));
      if (font === undefined) throw new Error("the text font is not in the build");
      const attrs = { rel: "preload", as: "font", type: "font/woff2", href: `/${font}`, crossorigin: "" };
      return [{ tag: "link", attrs, injectTo: "head" }];
    },
  },
};

// `vite --mode look` shows the page on a scripted server, for looking at screens; also as a build, outside of dist.
const lookPage: Plugin = {
  name: "look-page",
  apply: (_, { mode }) => mode === "look",
  transformIndexHtml: {
    order: "pre",
    handler: (html) => html.replace("/src/main.tsx", "/src/test/page.tsx"),
  },
};

export default defineConfig({
  plugins: [react(), tailwindcss(), emptyDist(), preloadFont, lookPage],
  resolve: {
    alias: {
      "@": fileURLToPath(new URL("./src", import.meta.url)),
      // The router brings a stand-in for a hook that React has had since version 18.
      "use-sync-external-store/shim/index.js": "react",
    },
  },
  server: {
    port: 5173,
    proxy: {
      "/api": { target: server, ws: true },
      "/.well-known": { target: server },
      "/healthz": { target: server },
    },
  },
  build: {
    target: ["chrome123", "firefox128", "safari17.5"],
    assetsInlineLimit: 0,
    emptyOutDir: false,
    manifest: true,
    // The editor is the one large part; it loads when its tab opens.
    chunkSizeWarningLimit: 700,
    rolldownOptions: {
      output: {
        codeSplitting: {
          // Few large chunks of what changes seldom compress better and stay cached over updates.
          groups: [
            { name: "base", test: /node_modules\/(react|react-dom|scheduler|convex|@convex-dev|is-network-error|wouter|regexparam|use-sync-external-store)\// },
            { name: "parts", test: /node_modules\/(@radix-ui\/(?!react-tooltip|react-visually-hidden)|@floating-ui|aria-hidden|react-remove-scroll|react-style-singleton|use-callback-ref|use-sidecar|get-nonce|tslib)/ },
          ],
        },
      },
    },
  },
  test: {
    environment: "jsdom",
    setupFiles: ["src/test/setup.ts"],
    css: false,
    testTimeout: 20_000,
    restoreMocks: true,
  },
});
