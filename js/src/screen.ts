import type { AnyModel } from "@anywidget/types";
import type { Paced } from "./pacer";
import type { Steps } from "./progress";

/** What Python says about a setting. Its value is a trait with the setting's name. */
export interface Setting {
  name: string;
  label: string;
  help: string;
  group: "grid" | "sampling" | "more";
  kind: "rate" | "integer" | "number" | "choice" | "rule";
  options: Record<string, string> | null;
  /** The smallest allowed value; null allows all numbers above 0. */
  least: number | null;
  /** The end of the slider; null for a field without a slider. */
  most: number | null;
  step: number | null;
  /** Whether a change of it asks for new rounds. */
  measures: boolean;
}

export interface Lesson {
  round: number;
  observations: number | null;
  batch_size: number;
  horizon: number;
  drawn: number[];
  rates: number[];
  before: number;
  after: (number | null)[];
}

/** A training with the widget's callback, as `widget/training.py` sends it. */
export interface Training {
  state: "training" | "looking" | "paused" | "stopping" | "ended" | "stopped";
  /** The first has the number 1. */
  epoch: number;
  epochs: number;
  /** The steps so far, and those of all epochs if their number is known. */
  step: number;
  steps: number | null;
  /** Those that are left. */
  seconds: number | null;
  rate: number | null;
  /** The steps after which the user set another rate, and these rates. */
  marks: [number, number][];
  /** Why a rate could not be set, or empty. */
  refusal: string;
  /** What was done when the tuner looked again, and why; or empty. */
  look: string;
}

/** The synced traits of the Python `Panel`, without the settings. */
export interface Screen extends Paced {
  settings: Setting[];
  batch_most: number;
  own_batch_size: number | null;
  replay: boolean;
  autosave: string;
  subject: string;
  progress: Steps;
  stale: boolean;
  continues: boolean;
  /** The workers that take the training steps, in words. Empty if the kernel takes them itself. */
  workers: string;
  efforts: { name: string; settings: Record<string, number> }[];
  error: string;
  refusals: Record<string, { value?: unknown; words: string }>;
  selected_lr: number | null;
  pinned: boolean;
  reason: string;
  warning: string;
  interval: number[];
  choices: Record<string, number>;
  all_rules: boolean;
  edge: string;
  code: string;
  undoable: boolean;
  kind: string;
  schedules: Record<string, string>;
  epochs: number;
  schedule: { rates?: number[]; epochs?: number; words?: string };
  rates: DataView;
  table: DataView;
  view: number[];
  full_view: number[];
  axis: string;
  limits: number[];
  margin: Record<"top" | "bottom" | "left" | "right", number>;
  colors: { curve: string };
  show_rounds: boolean;
  pins: { letter: string; color: string; words: string; name: string; rate: number; change: number }[];
  this_run: string;
  probed: number;
  histogram: { edges?: number[]; counts?: number[] };
  curves: DataView;
  curves_of: string;
  training: Partial<Training>;
  training_points: DataView;
  training_validation: DataView;
  large: boolean;
  explain: boolean;
  lesson: Partial<Lesson>;
  stage: number;
  stages: number;
}

/** The settings that this code names; all others come from the trait `settings` alone. */
export type NamedSetting = "lr_min" | "lr_max" | "num_evals" | "num_subsamples" | "horizon" | "scale" | "method";

export type Traits = Screen & {
  [name in NamedSetting]: name extends "method" | "scale" ? string : number;
};
export type Model = AnyModel<Traits>;
export type Name = keyof Traits & string;

/** Calls `update` now, and when one of these traits changes. */
export function onChange(model: Model, names: readonly Name[], update: () => void, signal: AbortSignal): void {
  for (const name of names) model.on(`change:${name}`, update);
  signal.addEventListener("abort", () => {
    for (const name of names) model.off(`change:${name}`, update);
  });
  update();
}

const assigned = new WeakMap<Model, Partial<Traits>>();

/** Sends new values to the kernel. */
export function assign(model: Model, values: Partial<Traits>): void {
  for (const [name, value] of Object.entries(values)) model.set(name as Name, value as never);
  model.save_changes();
  assigned.set(model, { ...assigned.get(model), ...values });
}

/** Forgets the rate that was assigned: a message that unpins it is on its way, and later ones must not bring it back. */
export function forgetRate(model: Model): void {
  const { selected_lr, pinned, ...others } = assigned.get(model) ?? {};
  assigned.set(model, others);
}

/**
 * A message together with the values that were assigned here and are still current. While the kernel is busy, ipywidgets
 * holds back values but not messages, so without them a button could overtake what was typed before it was pressed.
 */
export function withValues<M extends { type: string }>(model: Model, message: M): M & { values?: object } {
  const values = Object.entries(assigned.get(model) ?? {}).filter(([name, value]) => model.get(name as Name) === value);
  return values.length ? { ...message, values: Object.fromEntries(values) } : message;
}
