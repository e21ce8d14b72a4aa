import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { worker } from "./vite-worker.js";

export default defineConfig({
  plugins: [react(), tailwindcss(), worker()],
  // The preview looks for exactly this port.
  server: { host: "0.0.0.0", port: 3000, strictPort: true },
  optimizeDeps: { include: ["react", "react-dom/client", "react/jsx-dev-runtime"] },
});
