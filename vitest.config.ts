import { defineConfig } from "vitest/config"

// Tests read live source, never build output, through the same condition as the compiler.
const conditions = ["@flatbed/src"]

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ["packages/*/src/**/*.test.ts", "services/*/src/**/*.test.ts", "test/**/*.test.ts"],
    globalSetup: ["packages/local/src/vitest-global-setup.ts"],
    pool: "forks",
    // Vitest leaves one core to itself; on two cores that would halve the speed, and tests mostly wait.
    maxWorkers: "100%",
    testTimeout: 90_000,
    hookTimeout: 60_000,
  },
})
