import type { AnyModel } from "@anywidget/types";

/** Milliseconds without an answer after which a tick is sent again. */
export const SILENCE = 2000;
/** Milliseconds without an answer after which the page says so. */
export const LOST = 15_000;

export interface Paced {
  status: string;
  round: number;
  /** Ticks answered. It changes after all that a tick has measured, so that there is one reply to a tick. */
  turn: number;
  /** Whether the kernel traces the model, and can't answer for some seconds. */
  preparing: boolean;
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
   * Asks for a pause or a reset, and stops the ticks at once until the kernel's status changes, because the kernel
   * receives the message only when no cell is running.
   */
  hold: (type: "pause" | "reset") => void;
  /** What `hold` asked for, if the kernel has not done it yet. */
  held: () => "pause" | "reset" | undefined;
  /** Sends a message. If that fails, the kernel is lost. */
  send: (message: { type: string }) => void;
  /** Sends a message that the kernel answers by a change to the run. */
  ask: (message: { type: string }) => void;
  /** Whether the kernel has not answered for a long time. */
  isLost: () => boolean;
  /** Whether the widget's kernel is gone: it was restarted or has died. */
  isGone: () => boolean;
  /** Calls `update` when `held`, `isLost` or `isGone` may have changed. */
  watch: (update: () => void, signal: AbortSignal) => void;
  stop: () => void;
}

/**
 * Asks the kernel for turns as fast as this page can show them.
 *
 * While a page is open, the kernel measures only in answer to a tick, so that the chart can't fall behind: while the page
 * paints a turn, the kernel measures the next one, and waits with the one after it until the page has painted.
 */
export function pace(model: AnyModel<Paced>): Pacer {
  let resend: ReturnType<typeof setTimeout> | undefined;
  let held: "pause" | "reset" | undefined;
  let waiting: ReturnType<typeof setTimeout> | undefined;
  let lost = false;
  let gone = false;
  let painting = false;
  /** Whether a turn arrived while the one before it was painted. */
  let late = false;
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
    if (!lost && !gone) return;
    lost = gone = false;
    tell();
  };

  const lose = () => {
    waiting = undefined;
    if (model.get("preparing")) return wait();
    lost = true;
    tell();
  };
  const leave = () => {
    gone = true;
    tell();
  };
  const send = (message: { type: string; turn?: number }) => {
    try {
      model.send(message);
      return true;
    } catch {
      leave();
      return false;
    }
  };
  const ask = (message: { type: string; turn?: number }) => {
    if (send(message)) wait();
  };
  // Repeated after each silence, because a tick or a pause may be lost with the connection.
  const tick = () => {
    clearTimeout(resend);
    if (model.get("status") !== "running" && held !== "reset") return;
    resend = setTimeout(tick, SILENCE);
    ask(held ? { type: held } : { type: "tick", turn: model.get("turn") });
  };
  const onTurn = () => {
    late = painting;
    if (painting) return;
    if (!held) tick();
    painting = true;
    afterPaint(() => {
      painting = false;
      if (late) onTurn();
    });
  };
  const onRound = () => {
    // The rounds of a long turn must not look like silence.
    clearTimeout(resend);
    resend = setTimeout(tick, SILENCE);
  };
  const onStatus = () => {
    held = undefined;
    tick();
  };

  const answers = ["change:turn", "change:round", "change:status", "change:notice", "change:preparing"] as const;
  for (const answer of answers) model.on(answer, answered);
  model.on("change:turn", onTurn);
  model.on("change:round", onRound);
  model.on("change:status", onStatus);
  // ipywidgets' event for a kernel that is gone. anywidget passes it on, but its types do not name it.
  model.on("comm_live_update" as "msg:custom", leave);
  tick();
  return {
    hold: (type) => {
      held = type;
      tick();
      tell();
    },
    held: () => held,
    send,
    ask: (message) => {
      ask(message);
      if (!held) return;
      // What was asked before may have been lost: it must not be sent again after a later message.
      held = undefined;
      tick();
      tell();
    },
    isLost: () => lost,
    isGone: () => gone,
    watch: (update, signal) => {
      watchers.add(update);
      signal.addEventListener("abort", () => watchers.delete(update));
    },
    stop: () => {
      held = "pause";
      clearTimeout(resend);
      clearTimeout(waiting);
      for (const answer of answers) model.off(answer, answered);
      model.off("change:turn", onTurn);
      model.off("change:round", onRound);
      model.off("change:status", onStatus);
      model.off("comm_live_update", leave);
    },
  };
}
