import { type Axis, nearest } from "../axis";
import type { Traits } from "../screen";

/** What is drawn of the curve: lines over `points`. An edge is null where there is no band. */
export interface Drawn {
  points: number[];
  mean: number[];
  lower: (number | null)[];
  upper: (number | null)[];
  /** In a race, the means of all rates. */
  raced?: number[];
  dropped?: number[];
}

/** A run with all that Python would answer, as `widget/recording.py` writes it. */
export interface Recording {
  state: Record<string, unknown>;
  rules: Record<string, Partial<Traits>>;
  bands: Record<string, Partial<Traits & Drawn>>;
  warnings: string[];
  outside: string;
}

/** The traits of a recorded run: those of the panel, the kind of the band, and what is drawn. */
export type Recorded = Traits & Partial<Drawn> & { band: string };

/** Bytes are written in base 64, as an object with this one field. */
export function parse(text: string): Recording {
  return JSON.parse(text, (_, value) =>
    typeof value?.base64 === "string"
      ? new DataView(Uint8Array.from(atob(value.base64), (letter) => letter.charCodeAt(0)).buffer)
      : value,
  );
}

/** The traits that follow from the rule, the band, and a rate of the user's own. */
export function answer({ rules, bands, warnings, outside }: Recording, state: Recorded): Partial<Recorded> {
  const drawn = bands[state.band] ?? {};
  if (!state.pinned || state.selected_lr === null)
    return { ...rules[state.method], ...drawn, pinned: false, warning: "" };
  const [low = 0, high = 1] = state.full_view;
  const axis: Axis = { low, high, log: state.scale === "log" };
  const rates = new Float64Array(state.rates.buffer);
  // The screen rounds rates to three digits.
  const beyond = state.selected_lr < 0.99 * low || state.selected_lr > 1.01 * high;
  const warning = beyond ? outside : (warnings[nearest(rates, state.selected_lr, axis)] ?? "");
  return { ...drawn, warning, reason: "your own choice", interval: [], edge: "" };
}
