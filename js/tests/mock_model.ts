import type { AnyModel } from "@anywidget/types";

type Listener = (...args: unknown[]) => void;

/** A model without a kernel: what is set is kept, what is sent or saved is recorded. */
export function mockModel<T extends Record<string, unknown>>(initial: T) {
  const state = { ...initial };
  const listeners = new Map<string, Set<Listener>>();
  const sent: unknown[] = [];
  const saved: T[] = [];
  const model = {
    get: <K extends keyof T>(name: K) => state[name],
    set: <K extends keyof T>(name: K, value: T[K]) => {
      if (state[name] === value) return;
      state[name] = value;
      for (const listener of [...(listeners.get(`change:${String(name)}`) ?? [])]) listener();
    },
    save_changes: () => saved.push({ ...state }),
    send: (content: unknown) => sent.push(content),
    on: (event: string, listener: Listener) => {
      listeners.set(event, (listeners.get(event) ?? new Set()).add(listener));
    },
    off: (event: string, listener: Listener) => listeners.get(event)?.delete(listener),
  };
  const listening = () => [...listeners.values()].reduce((count, set) => count + set.size, 0);
  return { model: model as unknown as AnyModel<T>, sent, saved, listening };
}
