import hooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

const features = ["account", "commits", "deployments", "files", "preview", "projects", "sessions", "signin"];

// Import floors of the workspace: lib <- ui, sync, commands <- features <- app. Each folder says what it may not know.
const client = {
  group: ["convex", "convex/*", "@convex-dev/*"],
  message: "Only src/sync knows the client library.",
};
const radix = { group: ["@radix-ui/*"], message: "Only src/ui knows the primitives." };
const router = { group: ["wouter", "wouter/*"], message: "Use @/lib/usePlace, @/lib/nav or ui's Link." };
const shell = { group: ["@/app", "@/app/*"], message: "Nothing imports the shell." };

function floor(files, patterns, ignores = []) {
  return {
    files,
    ignores: ["**/*.test.*", ...ignores],
    rules: { "no-restricted-imports": ["error", { patterns }] },
  };
}

function only(...folders) {
  return { group: folders.flatMap((folder) => [`@/${folder}`, `@/${folder}/*`]), message: "This folder stands lower." };
}

export default tseslint.config(
  { ignores: ["dist", "node_modules", "public"] },
  ...tseslint.configs.recommended,
  hooks.configs.flat["recommended-latest"],
  {
    rules: {
      "@typescript-eslint/consistent-type-imports": ["error", { fixStyle: "inline-type-imports" }],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      // The rules below belong to the compiler that this project does not use; they forbid plain effects and refs.
      "react-hooks/set-state-in-effect": "off",
      "react-hooks/refs": "off",
      "react-hooks/purity": "off",
      "react-hooks/immutability": "off",
      "react-hooks/preserve-manual-memoization": "off",
      "react-hooks/incompatible-library": "off",
    },
  },
  floor(["src/lib/**"], [client, radix, shell, only("ui", "sync", "commands", "features")]),
  floor(["src/ui/**"], [client, shell, only("sync", "commands", "features")]),
  floor(["src/sync/**"], [radix, router, shell, only("ui", "commands", "features")]),
  floor(["src/commands/**"], [client, radix, shell, only("features")]),
  ...features.map((feature) =>
    floor(
      [`src/features/${feature}/**`],
      [client, radix, router, shell, only(...features.filter((other) => other !== feature).map((other) => `features/${other}`))],
    ),
  ),
  floor(["src/app/**"], [client, radix]),
);
