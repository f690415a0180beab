import type { Model, Screen } from "../src/screen";

type Listener = (...args: unknown[]) => void;

const NOTHING = new DataView(new ArrayBuffer(0));

const INITIAL: Screen = {
  lr_min: 1e-4,
  lr_max: 10,
  scale: "log",
  num_evals: 4,
  num_subsamples: 100,
  batch_size: 32,
  horizon: 55,
  evaluate_on: "own",
  method: "cautious",
  alpha: 0.05,
  band: "normal",
  sampler: "full",
  stop_rule: "rounds",
  seed: 42,
  rules: { mean: "lowest mean", cautious: "lowest point of the curve, halved" },
  batch_most: 512,
  recorded: false,
  autosave: "",
  status: "idle",
  round: 0,
  turn: 0,
  stale: false,
  error: "",
  selected_lr: null,
  pinned: false,
  says: "press Run, or type a rate",
  said: "",
  interval: [],
  choices: {},
  code: "",
  undoable: false,
  rates: NOTHING,
  table: NOTHING,
  view: [1e-3, 1],
  ends: [1e-3, 1],
  axis: "log",
  limits: [-1, 1],
  show_rounds: false,
  pins: [],
  this_run: "",
  probed: -1,
  histogram: {},
  explain: false,
  lesson: {},
  stage: 0,
};

/** A model without a kernel: what is set is kept, what is sent or saved is recorded. */
export function mockModel(some: Partial<Screen> = {}) {
  const state = { ...INITIAL, ...some };
  const listeners = new Map<string, Set<Listener>>();
  const sent: { type: string }[] = [];
  const saved: Screen[] = [];
  const fire = (event: string, ...args: unknown[]) => {
    for (const listener of [...(listeners.get(event) ?? [])]) listener(...args);
  };
  const model = {
    get: <K extends keyof Screen>(name: K) => state[name],
    set: <K extends keyof Screen>(name: K, value: Screen[K]) => {
      if (state[name] === value) return;
      state[name] = value;
      fire(`change:${name}`);
    },
    save_changes: () => saved.push({ ...state }),
    send: (content: { type: string }) => sent.push(content),
    on: (event: string, listener: Listener) => {
      listeners.set(event, (listeners.get(event) ?? new Set()).add(listener));
    },
    off: (event: string, listener: Listener) => listeners.get(event)?.delete(listener),
  };
  const listening = () => [...listeners.values()].reduce((count, set) => count + set.size, 0);
  return { model: model as unknown as Model, sent, saved, listening, fire };
}

/** The bytes of `rates` and `table` for this curve. */
export function curve(rates: number[], rows: number[][]): Partial<Screen> {
  return {
    rates: new DataView(new Float64Array(rates).buffer),
    table: new DataView(new Float32Array(rows.flat()).buffer),
  };
}
