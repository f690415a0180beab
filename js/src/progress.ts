/** Seconds over which the speed is taken, long enough to be steady, short enough to follow changes. */
const WINDOW = 5;
/** Seconds before there is a speed: the first steps may arrive together, or long after they were asked for. */
const LEAST = 1;

/** Training steps, as the kernel counts them. */
export interface Steps {
  /**
   * Those of the finished rounds, those of the other rounds so far, and those that a whole round takes. Rounds that
   * continue a run with fewer steps have taken some before they are the current one.
   */
  finished: number;
  current: number;
  round: number;
  seconds_per_step: number | null;
}

/** How many training steps had been taken at a time. */
export interface Moment {
  /** Seconds, from any origin. */
  time: number;
  steps: number;
}

/** `moments` with one more, without those that the speed no longer needs. Fewer steps start a new list. */
export function addMoment(moments: readonly Moment[], moment: Moment): Moment[] {
  const last = moments.at(-1);
  if (last && moment.steps < last.steps) return [moment];
  const recent = moments.filter(({ time }) => moment.time - time <= WINDOW);
  return [...(recent.length ? recent : moments.slice(-1)), moment];
}

/** Training steps per second over `moments`, or undefined if they are too few. */
export function speed(moments: readonly Moment[]): number | undefined {
  const first = moments[0];
  const last = moments.at(-1);
  if (!first || !last || last.time - first.time < LEAST || last.steps <= first.steps) return undefined;
  return (last.steps - first.steps) / (last.time - first.time);
}

/** The training steps taken so far, and those of the whole run. */
export function stepsOf(steps: Steps, round: number, total: number): { taken: number; all: number } {
  const taken = steps.finished + steps.current;
  return { taken, all: Math.max(taken, steps.finished + Math.max(0, total - round) * steps.round) };
}

/**
 * "3 of 10 rounds \u00b7 1,500 of 4,950 training steps \u00b7 about 3 min left"; the time is left out unless the run is
 * running, and its rounds have their own time only if one takes seconds.
 */
export function progressText(steps: Steps, round: number, total: number, perSecond: number | undefined): string {
  const { taken, all } = stepsOf(steps, round, total);
  // The number of rounds may be set below those already finished.
  const most = Math.max(round, total);
  const counted = taken < all ? `${grouped(taken)} of ${grouped(all)}` : grouped(all);
  const parts = [`${round} of ${plural(most, "round")}`, `${counted} training steps`];
  if (perSecond !== undefined) {
    const seconds = steps.round / perSecond;
    if (seconds >= 2) parts.push(`${duration(seconds)} per round`);
    parts.push(`about ${duration((all - taken) / perSecond)} left`);
  }
  return parts.join(" \u00b7 ");
}

/** The work of a whole run: "10 rounds \u00d7 9 rates \u00d7 55 steps = 4,950 training steps, about 24 s". */
export function priceText(rounds: number, rates: number, horizon: number, secondsPerStep: number | null): string {
  const all = rounds * rates * horizon;
  const factors = [plural(rounds, "round"), plural(rates, "rate"), plural(horizon, "step")].join(" \u00d7 ");
  const time = secondsPerStep === null ? "" : `, about ${duration(all * secondsPerStep)}`;
  return `${factors} = ${grouped(all)} training steps${time}`;
}

export const grouped = (count: number) => count.toLocaleString("en-US");
const plural = (count: number, name: string) => `${grouped(count)} ${name}${count === 1 ? "" : "s"}`;

/** A time in words: 12 s, 3 min, 2 h 5 min. */
export function duration(seconds: number): string {
  if (seconds < 59.5) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  return [`${Math.floor(minutes / 60)} h`, ...(minutes % 60 ? [`${minutes % 60} min`] : [])].join(" ");
}
