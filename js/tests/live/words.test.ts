import { expect, test } from "vitest";
import { pictureText, progressText } from "../../src/live/words";
import type { Training } from "../../src/screen";

const TRAINING: Training = {
  state: "training",
  epoch: 3,
  epochs: 20,
  step: 30,
  steps: 200,
  seconds: 121,
  rate: 0.012,
  marks: [],
  refusal: "",
  look: "",
};

test("the progress", () => {
  expect(progressText(TRAINING)).toBe("epoch 3 of 20 \u00b7 about 2 min left \u00b7 rate 0.012");
  expect(progressText({ ...TRAINING, state: "looking" })).toContain("about 2 min left");
  expect(progressText({ ...TRAINING, seconds: null })).toBe("epoch 3 of 20 \u00b7 rate 0.012");
  expect(progressText({ ...TRAINING, state: "ended" })).toBe("epoch 3 of 20 \u00b7 rate 0.012");
  expect(progressText({ ...TRAINING, rate: null, seconds: null })).toBe("epoch 3 of 20");
});

test("the picture in words", () => {
  const [losses, validation] = [{ losses: Float32Array.of(2, 1, 0.5) }, { losses: Float32Array.of(1.5, 0.75) }];
  const none = { losses: new Float32Array() };
  expect(pictureText(none, none, TRAINING)).toBe("No losses yet");
  expect(pictureText(losses, none, TRAINING)).toBe("The loss went from 2 to 0.5.");
  expect(pictureText(losses, validation, { ...TRAINING, marks: [[12, 0.25]] })).toBe(
    "The loss went from 2 to 0.5. The validation loss is 0.75. The rate was set to 0.25 after step 12.",
  );
});
