/** Seconds over which the rate of rounds is taken, long enough to be steady, short enough to follow changes. */
const WINDOW = 5;

/** When a round was finished. */
export interface Moment {
  /** Seconds, from any origin. */
  time: number;
  round: number;
}

/** `moments` with one more, without those that the rate no longer needs. A smaller round starts a new list. */
export function addMoment(moments: readonly Moment[], moment: Moment): Moment[] {
  const last = moments.at(-1);
  if (last && moment.round < last.round) return [moment];
  const recent = moments.filter(({ time }) => moment.time - time <= WINDOW);
  return [...(recent.length ? recent : moments.slice(-1)), moment];
}

/** Rounds per second over `moments`, or undefined if they are too few. */
export function rate(moments: readonly Moment[]): number | undefined {
  const first = moments[0];
  const last = moments.at(-1);
  if (!first || !last || last.time <= first.time || last.round <= first.round) return undefined;
  return (last.round - first.round) / (last.time - first.time);
}

/** "37 of 100 rounds · 12 per second · 5 s left"; the rate and the time are left out unless it runs. */
export function progressText(round: number, total: number, perSecond: number | undefined): string {
  // The number of rounds may be set below those already finished.
  const most = Math.max(round, total);
  const parts = [`${round} of ${most} round${most === 1 ? "" : "s"}`];
  if (perSecond !== undefined) {
    parts.push(`${perSecond.toPrecision(perSecond < 100 ? 2 : 3)} per second`);
    parts.push(`${duration((total - round) / perSecond)} left`);
  }
  return parts.join(" · ");
}

function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}
