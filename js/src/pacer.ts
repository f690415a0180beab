import type { AnyModel } from "@anywidget/types";

/** Milliseconds without an answer after which a tick is sent again. */
export const SILENCE = 2000;
/** Milliseconds without an answer after which the page says so. */
export const LOST = 15_000;

export interface Paced {
  status: string;
  round: number;
  /** Ticks answered. It changes after the last round of a tick, so many rounds in one tick cause one reply. */
  turn: number;
  notice: string;
}

/** Calls `done` once the browser has painted, or after a short time in a hidden tab, which has no animation frames. */
export function afterPaint(done: () => void): void {
  let called = false;
  const once = () => {
    if (called) return;
    called = true;
    done();
  };
  // A frame's callback runs before its paint, and a task that it queues runs after the paint.
  requestAnimationFrame(() => setTimeout(once));
  setTimeout(once, 250);
}

export interface Pacer {
  /**
   * Asks for a pause, and stops the ticks at once until the kernel's status changes, because the kernel receives the
   * pause only when no cell is running.
   */
  hold: () => void;
  isHeld: () => boolean;
  /** Sends a message. If that fails, the kernel is lost. */
  send: (message: { type: string }) => void;
  /** Sends a message that the kernel answers by a change to the run. */
  ask: (message: { type: string }) => void;
  /** Whether the kernel has not answered for a long time: another cell is running, or the kernel is gone. */
  isLost: () => boolean;
  /** Calls `update` when `isHeld` or `isLost` may have changed. */
  watch: (update: () => void, signal: AbortSignal) => void;
  stop: () => void;
}

/**
 * Asks the kernel for rounds as fast as this page can show them.
 *
 * The kernel runs rounds only in answer to a tick, so the chart can't fall behind, and a closed page asks for no
 * rounds.
 */
export function pace(model: AnyModel<Paced>): Pacer {
  let resend: ReturnType<typeof setTimeout> | undefined;
  let held = false;
  let waiting: ReturnType<typeof setTimeout> | undefined;
  let lost = false;
  const watchers = new Set<() => void>();

  const tell = () => {
    for (const update of watchers) update();
  };
  const wait = () => {
    waiting ??= setTimeout(lose, LOST);
  };
  const answered = () => {
    clearTimeout(waiting);
    waiting = undefined;
    if (!lost) return;
    lost = false;
    tell();
  };

  const lose = () => {
    lost = true;
    tell();
  };
  const send = (message: { type: string; round?: number }) => {
    try {
      model.send(message);
      return true;
    } catch {
      // The kernel was restarted or has died, and will not answer.
      lose();
      return false;
    }
  };
  const ask = (message: { type: string; round?: number }) => {
    if (send(message)) wait();
  };
  // Repeated after each silence, because a tick or a pause may be lost with the connection.
  const tick = () => {
    clearTimeout(resend);
    if (model.get("status") !== "running") return;
    resend = setTimeout(tick, SILENCE);
    ask(held ? { type: "pause" } : { type: "tick", round: model.get("round") });
  };
  const onTurn = () =>
    afterPaint(() => {
      if (!held) tick();
    });
  const onRound = () => {
    // The rounds of a long turn must not look like silence.
    clearTimeout(resend);
    resend = setTimeout(tick, SILENCE);
  };
  const onStatus = () => {
    held = false;
    tick();
  };

  const answers = ["change:turn", "change:round", "change:status", "change:notice"] as const;
  for (const answer of answers) model.on(answer, answered);
  model.on("change:turn", onTurn);
  model.on("change:round", onRound);
  model.on("change:status", onStatus);
  // ipywidgets' event for a kernel that is gone. anywidget passes it on, but its types do not name it.
  model.on("comm_live_update" as "msg:custom", lose);
  tick();
  return {
    hold: () => {
      held = true;
      tick();
      tell();
    },
    isHeld: () => held,
    send,
    ask: (message) => {
      ask(message);
      if (!held) return;
      // The pause may have been lost: it must not be sent again after a later message.
      held = false;
      tick();
      tell();
    },
    isLost: () => lost,
    watch: (update, signal) => {
      watchers.add(update);
      signal.addEventListener("abort", () => watchers.delete(update));
    },
    stop: () => {
      held = true;
      clearTimeout(resend);
      clearTimeout(waiting);
      for (const answer of answers) model.off(answer, answered);
      model.off("change:turn", onTurn);
      model.off("change:round", onRound);
      model.off("change:status", onStatus);
      model.off("comm_live_update", lose);
    },
  };
}
