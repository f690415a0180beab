/** A ramp of colours: lightness and hue change evenly at a constant chroma, so equal steps look equal. */
interface Ramp {
  lightness: readonly [number, number];
  hue: readonly [number, number];
  chroma: number;
}

/**
 * From blue to orange, because eyes that see no red or no green still see blue and yellow; and from dark to light, for
 * eyes that see no colours. Each colour has a contrast of 3:1 on its background, so each theme has a ramp of its own.
 */
export const ON_LIGHT: Ramp = { lightness: [0.36, 0.66], hue: [262, 417], chroma: 0.155 };
export const ON_DARK: Ramp = { lightness: [0.53, 0.8], hue: [262, 422], chroma: 0.13 };

/** The colour of the rate at a place of the grid, from 0 for the lowest to 1 for the highest. */
export function rateColor(place: number, { lightness, hue, chroma }: Ramp): string {
  const at = ([from, to]: readonly [number, number]) => (from + (to - from) * place).toFixed(4);
  return `oklch(${at(lightness)} ${chroma} ${at(hue)})`;
}

/** Gives a node the colour of a rate, for either theme. The style sheet chooses one of the two. */
export function setColor(node: HTMLElement | SVGElement, place: number): void {
  node.classList.add("autolr-rate-colored");
  node.style.setProperty("--autolr-on-light", rateColor(place, ON_LIGHT));
  node.style.setProperty("--autolr-on-dark", rateColor(place, ON_DARK));
}
