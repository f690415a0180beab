import { defineConfig } from "vitest/config";

// One page for the files of a worker: making one takes longer than its tests.
export default defineConfig({ test: { environment: "jsdom", isolate: false, include: ["tests/**/*.test.ts"] } });
