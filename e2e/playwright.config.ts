import { defineConfig } from "@playwright/test";

// One worker: every test starts real sandboxes, and two cores are enough for
// one of them at a time. In CI a failed file is tried once more, on a new
// server, and reported as flaky: the trace of the first try is kept, because a
// test that passes the second time has found something too.
export default defineConfig({
  testDir: ".",
  testMatch: "*.spec.ts",
  workers: 1,
  fullyParallel: false,
  retries: process.env.CI ? 1 : 0,
  timeout: 180_000,
  globalTimeout: 25 * 60_000,
  expect: { timeout: 20_000 },
  reporter: [["list"]],
  outputDir: "./.results",
  use: {
    actionTimeout: 15_000,
    navigationTimeout: 30_000,
    trace: "retain-on-failure",
    viewport: { width: 1440, height: 900 },
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: [
        "--no-sandbox", // the tests run as root in CI
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
});
