import type { AnyModel } from "@anywidget/types";
import type { Paced } from "./pacer";

export interface Settings {
  lr_min: number;
  lr_max: number;
  scale: string;
  num_evals: number;
  num_subsamples: number;
  batch_size: number;
  horizon: number;
  evaluate_on: string;
  method: string;
  alpha: number;
  band: string;
  sampler: string;
  stop_rule: string;
  seed: number;
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

/** The traits of the Python `Panel`. */
export interface Screen extends Paced, Settings {
  rules: Record<string, string>;
  batch_most: number;
  recorded: boolean;
  autosave: string;
  stale: boolean;
  error: string;
  selected_lr: number | null;
  pinned: boolean;
  says: string;
  interval: number[];
  choices: Record<string, number>;
  code: string;
  undoable: boolean;
  rates: DataView;
  table: DataView;
  view: number[];
  ends: number[];
  axis: string;
  limits: number[];
  show_rounds: boolean;
  pins: { words: string; rate?: number; change?: number }[];
  this_run: string;
  probed: number;
  histogram: { edges?: number[]; counts?: number[] };
  explain: boolean;
  lesson: Partial<Lesson>;
  stage: number;
}

export type Model = AnyModel<Screen>;
export type Name = keyof Screen & string;

/** A part of the screen, and what ends its listening. */
export interface Part {
  node: HTMLElement;
  end: () => void;
}

/** Calls `draw` now and whenever one of these traits changes; returns what ends that. */
export function follow(model: Model, names: readonly Name[], draw: () => void): () => void {
  for (const name of names) model.on(`change:${name}`, draw);
  draw();
  return () => {
    for (const name of names) model.off(`change:${name}`, draw);
  };
}

const assigned = new WeakMap<Model, Partial<Screen>>();

/** Tells the kernel of new values. */
export function assign(model: Model, values: Partial<Screen>): void {
  for (const [name, value] of Object.entries(values)) model.set(name as Name, value as never);
  model.save_changes();
  assigned.set(model, { ...assigned.get(model), ...values });
}

/**
 * A message that brings along what was set here and still holds: ipywidgets keeps values back while the kernel is busy,
 * and no messages, so that a button would be heard before what was typed for it.
 */
export function withValues<M extends { type: string }>(model: Model, message: M): M & { values?: object } {
  const values = Object.entries(assigned.get(model) ?? {}).filter(([name, value]) => model.get(name as Name) === value);
  return values.length ? { ...message, values: Object.fromEntries(values) } : message;
}
