import type { Model, Setting, Traits } from "../src/screen";

type Listener = (...args: unknown[]) => void;

const NOTHING = new DataView(new ArrayBuffer(0));

/** A setting of a kind, with the labels that the tests look for. */
export function setting(name: string, kind: Setting["kind"], some: Partial<Setting> = {}): Setting {
  const measures = some.group !== "more";
  const none = { options: null, least: null, most: null, step: null };
  return { name, label: name, help: `About ${name}.`, group: "grid", kind, measures, ...none, ...some };
}

/** Not the settings of Python, but one or two of each kind. */
export const SETTINGS: Setting[] = [
  setting("lr_min", "rate", { label: "Lowest" }),
  setting("lr_max", "rate", { label: "Highest" }),
  setting("spacing", "choice", { label: "Spacing", options: { even: "evenly", odd: "oddly" } }),
  setting("num_subsamples", "integer", {
    label: "Rounds",
    group: "sampling",
    least: 1,
    most: 50,
    step: 1,
    measures: false,
  }),
  setting("batch_size", "integer", { label: "Batch size", group: "sampling", least: 1, most: 8, step: 1 }),
  setting("colour", "choice", { label: "Colour", group: "more", options: { red: "red", blue: "blue" } }),
  setting("level", "number", { label: "Level", group: "more", most: 0.5, step: 0.01 }),
  setting("seed", "integer", { label: "Seed", group: "more", least: 0, measures: true }),
  setting("method", "rule", { group: "more", options: { low: "the lowest", middle: "the middle" } }),
];

export type State = Traits & Record<string, unknown>;

const INITIAL = {
  lr_min: 1e-4,
  lr_max: 10,
  spacing: "even",
  num_evals: 11,
  num_subsamples: 100,
  scale: "log",
  batch_size: 32,
  horizon: 55,
  colour: "red",
  level: 0.05,
  seed: 3,
  method: "low",
  settings: SETTINGS,
  margin: { top: 1, bottom: 2, left: 3, right: 4 },
  colors: { curve: "#0000ff" },
  stages: 6,
  batch_most: 512,
  own_batch_size: null,
  replay: false,
  autosave: "",
  status: "idle",
  round: 0,
  turn: 0,
  subject: "",
  preparing: false,
  progress: { finished: 0, current: 0, round: 20, seconds_per_step: null },
  workers: "",
  efforts: [
    { name: "small", settings: { num_subsamples: 2, num_evals: 3, horizon: 4 } },
    { name: "large", settings: { num_subsamples: 20, num_evals: 30, horizon: 40 } },
  ],
  stale: false,
  continues: false,
  error: "",
  selected_lr: null,
  pinned: false,
  reason: "no choice yet, but you can type a rate",
  warning: "",
  notice: "",
  refusals: {},
  interval: [],
  choices: {},
  all_rules: true,
  edge: "",
  code: "",
  undoable: false,
  kind: "constant",
  schedules: { falling: "falls to zero", restarts: "falls again and again" },
  epochs: 10,
  schedule: {},
  rates: NOTHING,
  table: NOTHING,
  view: [1e-3, 1],
  full_view: [1e-3, 1],
  axis: "log",
  limits: [-1, 1],
  show_rounds: false,
  pins: [],
  this_run: "",
  probed: -1,
  histogram: {},
  curves: NOTHING,
  curves_of: "",
  training: {},
  training_points: NOTHING,
  training_validation: NOTHING,
  large: false,
  explain: false,
  lesson: {},
  stage: 0,
} satisfies State;

/** A model without a kernel: it keeps what is set, and records what is sent or saved. */
export function mockModel(some: Partial<State> = {}) {
  const state: State = { ...INITIAL, ...some } as State;
  const listeners = new Map<string, Set<Listener>>();
  const sent: { type: string }[] = [];
  const saved: State[] = [];
  const fire = (event: string, ...args: unknown[]) => {
    for (const listener of [...(listeners.get(event) ?? [])]) listener(...args);
  };
  const model = {
    get: <K extends keyof State>(name: K) => state[name],
    set: <K extends keyof State>(name: K, value: State[K]) => {
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
export function curve(rates: number[], rows: number[][]): Pick<Traits, "rates" | "table"> {
  return {
    rates: new DataView(new Float64Array(rates).buffer),
    table: new DataView(new Float32Array(rows.flat()).buffer),
  };
}

/** The bytes of `curves` for these losses of each rate. */
export function curves(losses: number[][]): Pick<Traits, "curves"> {
  return { curves: new DataView(new Float32Array(losses.flat()).buffer) };
}

/** The bytes of a table of float32. */
export function table(rows: number[][]): DataView {
  return new DataView(new Float32Array(rows.flat()).buffer);
}
