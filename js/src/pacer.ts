import type { AnyModel } from "@anywidget/types";

/** How long the kernel may be silent before a tick is sent again. */
export const SILENCE = 2000;

export interface Paced {
  status: string;
  round: number;
  /** Ticks answered. It moves after the last round of a tick, so that many rounds in one tick cause one reply. */
  turn: number;
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

/**
 * Asks the kernel for rounds as fast as this page can show them.
 *
 * The kernel runs rounds only in answer to a tick, so the chart can't fall behind, and a page that is gone asks for
 * nothing. Returns `hold`, which stops the ticks at once until the kernel's status changes, and `stop`.
 */
export function pace(model: AnyModel<Paced>): { hold: () => void; stop: () => void } {
  let resend: ReturnType<typeof setTimeout> | undefined;
  let held = false;

  const tick = () => {
    clearTimeout(resend);
    if (held || model.get("status") !== "running") return;
    model.send({ type: "tick", round: model.get("round") });
    resend = setTimeout(tick, SILENCE);
  };
  const onTurn = () => afterPaint(tick);
  const onRound = () => {
    // A sign of life: rounds of one long turn must not look like silence.
    clearTimeout(resend);
    resend = setTimeout(tick, SILENCE);
  };
  const onStatus = () => {
    held = false;
    tick();
  };

  model.on("change:turn", onTurn);
  model.on("change:round", onRound);
  model.on("change:status", onStatus);
  tick();
  return {
    hold: () => {
      held = true;
      clearTimeout(resend);
    },
    stop: () => {
      held = true;
      clearTimeout(resend);
      model.off("change:turn", onTurn);
      model.off("change:round", onRound);
      model.off("change:status", onStatus);
    },
  };
}
