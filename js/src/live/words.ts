import { formatChange } from "../curve";
import { duration } from "../progress";
import { formatRate } from "../rates";
import type { Training } from "../screen";
import type { Points } from "./points";

const STATE: Record<Training["state"], string> = {
  training: "Running",
  looking: "Looking again…",
  paused: "Paused",
  stopping: "Stopping…",
  ended: "Ended",
  stopped: "Stopped",
};

export function stateText({ state }: Training): string {
  return STATE[state];
}

/** "epoch 3 of 20 · about 2 min left · rate 0.012"; the time is left out when nothing trains. */
export function progressText({ state, epoch, epochs, seconds, rate }: Training): string {
  const parts = [`epoch ${epoch} of ${epochs}`];
  if (seconds !== null && ["training", "looking", "paused"].includes(state))
    parts.push(`about ${duration(seconds)} left`);
  if (rate !== null) parts.push(`rate ${formatRate(rate)}`);
  return parts.join(" · ");
}

/** The picture in words, for readers who can't see it. */
export function pictureText(
  { losses }: Pick<Points, "losses">,
  validation: Pick<Points, "losses">,
  { marks }: Training,
) {
  if (losses.length === 0) return "No losses yet";
  const words = [
    `The loss went from ${formatChange(losses[0] as number)} to ${formatChange(losses.at(-1) as number)}.`,
  ];
  const last = validation.losses.at(-1);
  if (last !== undefined) words.push(`The validation loss is ${formatChange(last)}.`);
  for (const [step, rate] of marks) words.push(`The rate was set to ${formatRate(rate)} after step ${step}.`);
  return words.join(" ");
}
