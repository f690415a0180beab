import { expect, test } from "vitest";
import { ON_DARK, ON_LIGHT, rateColor, setColor } from "../../src/training/colors";

type Three = [number, number, number];

/** Linear sRGB of an `oklch(…)`, by Ottosson's matrices, as a screen shows it. */
function rgb(color: string): Three {
  const [l, c, h] = (color.match(/[\d.]+/g) as string[]).map(Number) as Three;
  const [a, b] = [c * Math.cos((h * Math.PI) / 180), c * Math.sin((h * Math.PI) / 180)];
  const [x, y, z] = [
    l + 0.3963377774 * a + 0.2158037573 * b,
    l - 0.1055613458 * a - 0.0638541728 * b,
    l - 0.0894841775 * a - 1.291485548 * b,
  ].map((one) => one ** 3) as Three;
  return [
    4.0767416621 * x - 3.3077115913 * y + 0.2309699292 * z,
    -1.2684380046 * x + 2.6097574011 * y - 0.3413193965 * z,
    -0.0041960863 * x - 0.7034186147 * y + 1.707614701 * z,
  ];
}

function lab([r, g, b]: Three): Three {
  const [x, y, z] = [
    0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b,
    0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b,
    0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b,
  ].map(Math.cbrt) as Three;
  return [
    0.2104542553 * x + 0.793617785 * y - 0.0040720468 * z,
    1.9779984951 * x - 2.428592205 * y + 0.4505937099 * z,
    0.0259040371 * x + 0.7827717662 * y - 0.808675766 * z,
  ];
}

/** What eyes without one kind of cone see, by Machado, Oliveira and Fernandes; and what eyes with none see. */
const EYES: Record<string, Three[]> = {
  "no red": [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  "no green": [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  "no blue": [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
  "no colours": Array(3).fill([0.2126, 0.7152, 0.0722]),
};

const dot = (one: Three, other: Three) => one[0] * other[0] + one[1] * other[1] + one[2] * other[2];
const luminance = (color: Three) => dot(color, [0.2126, 0.7152, 0.0722]);
const distance = (one: Three, other: Three) => Math.hypot(...one.map((value, i) => value - (other[i] as number)));
const places = (count: number) => Array.from({ length: count }, (_, i) => i / (count - 1));

test.each([
  ["white", ON_LIGHT, 1],
  // #111, the background of JupyterLab's dark theme.
  ["JupyterLab's dark background", ON_DARK, 0.0056],
] as const)("every colour can be shown, and has a contrast of 3:1 on %s", (_, ramp, background) => {
  for (const place of places(101)) {
    const color = rgb(rateColor(place, ramp));
    for (const part of color) expect(part).toBeGreaterThan(-0.002);
    for (const part of color) expect(part).toBeLessThan(1.002);
    const [dark, light] = [luminance(color), background].sort((a, b) => a - b) as [number, number];
    expect((light + 0.05) / (dark + 0.05)).toBeGreaterThan(3);
  }
});

test.each([ON_LIGHT, ON_DARK])("equal steps look equal", (ramp) => {
  const colors = places(21).map((place) => lab(rgb(rateColor(place, ramp))));
  const steps = colors.slice(1).map((color, i) => distance(color, colors[i] as Three));
  expect(Math.max(...steps) / Math.min(...steps)).toBeLessThan(1.02);
});

test.each(Object.keys(EYES))("neighbours of nine rates differ to eyes that see %s", (eyes) => {
  for (const ramp of [ON_LIGHT, ON_DARK]) {
    const seen = places(9).map((place) => {
      const color = rgb(rateColor(place, ramp));
      return lab((EYES[eyes] as Three[]).map((row) => Math.max(0, dot(row, color))) as Three);
    });
    // Differences below 0.01 are hard to see.
    for (const [i, color] of seen.slice(1).entries()) expect(distance(color, seen[i] as Three)).toBeGreaterThan(0.01);
    const ends = distance(seen[0] as Three, seen[8] as Three);
    expect(ends).toBeGreaterThan(eyes === "no colours" ? 0.2 : 0.3);
  }
});

test("a node has a colour for each theme", () => {
  const node = document.createElement("div");
  setColor(node, 1);
  expect(node.style.getPropertyValue("--autolr-on-light")).toBe(rateColor(1, ON_LIGHT));
  expect(node.style.getPropertyValue("--autolr-on-dark")).toBe(rateColor(1, ON_DARK));
});
