import type { AnyModel } from "@anywidget/types";
import { answer, type Recorded, type Recording } from "./recording";

type Listener = () => void;

/** A model without a kernel: where Python would answer to a change, it takes the answer from the recording. */
export function recordedModel(recording: Recording): AnyModel<Recorded> {
  const state = { ...recording.state } as unknown as Recorded;
  const listeners = new Map<string, Set<Listener>>();
  /** Sets all values before anything that shows them hears of one. */
  const assign = (values: Partial<Recorded>) => {
    const changed = Object.entries(values).filter(([name, value]) => state[name as keyof Recorded] !== value);
    Object.assign(state, values);
    for (const [name] of changed) for (const listener of [...(listeners.get(`change:${name}`) ?? [])]) listener();
  };
  const update = () => assign(answer(recording, state));
  update();
  const model = {
    get: <K extends keyof Recorded>(name: K) => state[name],
    set: (name: string, value: unknown) => assign({ [name]: value }),
    save_changes: update,
    send: ({ type }: { type: string }) => {
      if (type !== "use_rule") return;
      assign({ pinned: false });
      update();
    },
    on: (event: string, listener: Listener) => {
      listeners.set(event, (listeners.get(event) ?? new Set()).add(listener));
    },
    off: (event: string, listener: Listener) => listeners.get(event)?.delete(listener),
  };
  return model as unknown as AnyModel<Recorded>;
}
