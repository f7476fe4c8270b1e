/**
 * Draws lines over time with uPlot, in a file of its own that is loaded with the first chart.
 */
import UPlot from 'uplot';

/** A line of a chart; null where nothing is known. */
export interface Line {
  readonly label: string;
  readonly values: readonly (number | null)[];
}

/** A chart in the page. */
export interface Chart {
  readonly update: (times: readonly number[], lines: readonly Line[]) => void;
  readonly destroy: () => void;
}

/** What a chart shows at first. */
export interface ChartOptions {
  /** Seconds since 1970. */
  readonly times: readonly number[];
  readonly lines: readonly Line[];
  readonly text: (value: number) => string;
}

const MS_PER_SECOND = 1000;
const HEIGHT_PX = 120;
const AXIS_PX = 64;
const LINE_COLORS = ['--chart-1', '--chart-2'] as const;
/** Of the scale that does not begin at zero but a little above the largest value. */
const HEADROOM = 1.1;

/** Puts a chart into an element, as wide as that. */
export function createChart(place: HTMLElement, { times, lines, text }: ChartOptions): Chart {
  const styles = getComputedStyle(document.documentElement);
  const color = (name: string): string => resolved(place, styles.getPropertyValue(name));
  const axis = { stroke: color('--muted'), grid: { stroke: color('--line'), width: 1 }, ticks: { show: false }, font: '11px system-ui' };
  const plot = new UPlot({
    width: Math.max(1, place.clientWidth), height: HEIGHT_PX, legend: { show: false }, cursor: { show: false }, padding: [8, 8, 0, 0],
    scales: { y: { range: (_, least, most) => [Math.min(0, least ?? 0), Math.max(1e-9, (most ?? 0) * HEADROOM)] } },
    axes: [
      { ...axis, size: 24, space: 80, values: (_, splits) => splits.map(minuteText) },
      { ...axis, size: AXIS_PX, space: 32, values: (_, splits) => splits.map(text) },
    ],
    series: [{}, ...lines.map(({ label }, index) => ({
      label, stroke: color(LINE_COLORS[index] ?? '--chart-1'), width: 1.5, points: { show: false }, spanGaps: false,
    }))],
  }, dataOf(times, lines), place);
  const observer = new ResizeObserver(() => plot.setSize({ width: Math.max(1, place.clientWidth), height: HEIGHT_PX }));
  observer.observe(place);
  return {
    update: (nextTimes, nextLines) => plot.setData(dataOf(nextTimes, nextLines)),
    destroy: () => {
      observer.disconnect();
      plot.destroy();
    },
  };
}

function dataOf(times: readonly number[], lines: readonly Line[]): UPlot.AlignedData {
  return [[...times], ...lines.map(({ values }) => [...values])];
}

/** `22:04`. */
function minuteText(seconds: number): string {
  return new Date(seconds * MS_PER_SECOND).toLocaleTimeString('sv-SE', { hour: '2-digit', minute: '2-digit' });
}

/** A canvas does not know `light-dark()`: the color that it means now. */
function resolved(place: HTMLElement, value: string): string {
  const probe = document.createElement('i');
  probe.style.color = value;
  place.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
