import { defineConfig } from "@playwright/test";
import walk from "../playwright.config.ts";

// Figures are printed and never judged, and take longer than a test may: `make
// test-e2e` leaves them out.
export default defineConfig(walk, {
  testDir: ".",
  testMatch: "*.figures.ts",
  retries: 0,
  timeout: 20 * 60_000,
  globalTimeout: 40 * 60_000,
  outputDir: "../.results/figures",
  use: { trace: "off" },
});
