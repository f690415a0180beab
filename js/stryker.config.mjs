/** Mutants of the panel's arithmetic. The elements, and all that the browser shows, are for the browser tests. */
export default {
  mutate: ["src/axis.ts", "src/curve.ts", "src/progress.ts", "src/rates.ts", "src/plot/rule_marks.ts"],
  testFiles: ["tests/{axis,curve,progress,rates}.test.ts", "tests/plot/rule_marks.test.ts"],
  testRunner: "vitest",
  plugins: ["@stryker-mutator/vitest-runner"],
  reporters: ["clear-text"],
  clearTextReporter: { reportTests: false, logTests: false },
  thresholds: { high: 95, low: 95, break: 95 },
  tempDirName: "../build/stryker",
};
