import { expect, test } from "vitest";
import { words } from "../../src/training/words";

const line = (losses: number[], diverged = false) => ({ losses: new Float32Array(losses), diverged });

test("the picture in words", () => {
  const lines = [line([2.5, 2.25]), line([2.5, 0.5]), line([2.5], true), line([2.5, 2])];
  expect(words(lines, new Float64Array([1e-4, 0.1, 10, 100]), [0, 1, 2], 1)).toBe(
    "The loss starts at 2.5. Where it ends at each rate: 1e-4: 2.25 at step 2; 0.1, the chosen rate: 0.5 at step 2; " +
      "10: diverged at step 2.",
  );
});

test("before any", () => {
  expect(words([], new Float64Array([1]), [], -1)).toBe("No curves yet");
});
