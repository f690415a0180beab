import type { AnyModel } from "@anywidget/types";

/** How long the kernel may be silent before a tick is sent again. */
export const SILENCE = 2000;
/** How long it may be silent before the page says so. */
export const LOST = 15_000;

export interface Paced {
  status: string;
  round: number;
  /** Ticks answered. It moves after the last round of a tick, so that many rounds in one tick cause one reply. */
  turn: number;
  said: string;
}

/** Calls `done` once the browser has painted, or soon in a hidden tab, where animation frames stand still. */
export function afterPaint(done: () => void): void {
  let called = false;
  const once = () => {
    if (called) return;
    called = true;
    done();
  };
  // A frame's callback runs before that frame's paint, and the task after it runs behind the paint.
  requestAnimationFrame(() => setTimeout(once));
  setTimeout(once, 250);
}

export interface Pacer {
  /**
   * Asks for a pause, and stops the ticks at once until the kernel's status changes: it hears of a Pause only when no
   * cell blocks it.
   */
  hold: () => void;
  isHeld: () => boolean;
  /** Sends a message, and notes where that can't be done. */
  send: (message: { type: string }) => void;
  /** Sends a message that the kernel answers by a change of the run. */
  ask: (message: { type: string }) => void;
  /** Whether an answer has been missing for long: another cell keeps the kernel busy, or it is gone. */
  isLost: () => boolean;
  /** Calls `done` when `isHeld` or `isLost` may have changed, until what it returns is called. */
  watch: (done: () => void) => () => void;
  stop: () => void;
}

/**
 * Asks the kernel for rounds as fast as this page can show them.
 *
 * The kernel runs rounds only in answer to a tick, so the chart can't fall behind, and a page that is gone asks for
 * nothing.
 */
export function pace(model: AnyModel<Paced>): Pacer {
  let resend: ReturnType<typeof setTimeout> | undefined;
  let held = false;
  let waiting: ReturnType<typeof setTimeout> | undefined;
  let lost = false;
  const watchers = new Set<() => void>();

  const tell = () => {
    for (const done of watchers) done();
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
      // The kernel was restarted, or has died: nobody will ever answer.
      lose();
      return false;
    }
  };
  const ask = (message: { type: string; round?: number }) => {
    if (send(message)) wait();
  };
  // Sent again after each silence, a Pause too: it may be lost with the connection.
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
    // A sign of life: rounds of one long turn must not look like silence.
    clearTimeout(resend);
    resend = setTimeout(tick, SILENCE);
  };
  const onStatus = () => {
    held = false;
    tick();
  };

  const answers = ["change:turn", "change:round", "change:status", "change:said"] as const;
  for (const answer of answers) model.on(answer, answered);
  model.on("change:turn", onTurn);
  model.on("change:round", onRound);
  model.on("change:status", onStatus);
  // ipywidgets' own word for a kernel that is gone. anywidget passes it on, and does not name it.
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
      // What is asked after a Pause must not be followed by that Pause again, which may never have been heard.
      held = false;
      tick();
      tell();
    },
    isLost: () => lost,
    watch: (done) => {
      watchers.add(done);
      return () => watchers.delete(done);
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
