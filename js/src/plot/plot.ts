import { element } from "../element";
import { rateTicks } from "../training/rate_ticks";
import { beyond } from "./beyond";
import { chosenLine, chosenOutside } from "./chosen_line";
import { diverged } from "./diverged";
import type { Frame } from "./frame";
import { histogram } from "./histogram";
import { interval } from "./interval";
import { letters } from "./pinned_runs";
import { points } from "./points";
import { guide, readout } from "./readout";
import { ruleMarks } from "./rule_marks";
import { zoomStrip } from "./zoom_strip";
import { zoomTools } from "./zoom_tools";

/** All that lies over bqplot's figure. Later parts of the area lie over earlier ones. */
export function plot(frame: Frame): HTMLElement {
  frame.area.append(
    diverged(frame),
    interval(frame),
    points(frame),
    rateTicks(frame),
    letters(frame),
    guide(frame),
    chosenLine(frame),
    beyond(frame),
    chosenOutside(frame),
    histogram(frame),
    ruleMarks(frame),
    readout(frame),
  );
  return element(
    "section",
    { class: "autolr-plot", "aria-label": "Chart of the change in loss against the learning rate" },
    frame.area,
    zoomStrip(frame),
    zoomTools(frame),
  );
}
