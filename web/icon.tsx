/**
 * Icons, drawn with lines in the color of the text. They say nothing to a screen reader: what they stand for is written beside them.
 */

/** On a field of 20 by 20. */
const PATHS = {
  projects: 'M3 4.5h5.5v5.5H3zM11.5 4.5H17V10h-5.5zM3 12.5h5.5V17H3zM11.5 12.5H17V17h-5.5z',
  keys: 'M4 5h12M4 10h12M4 15h7',
  live: 'M3 10h3l2.5-6 3.5 12 2.5-6H17',
  state: 'M4 16V9M8 16V4M12 16v-5M16 16V7',
  access: 'M8 12a4 4 0 1 1 3.4-2L17 15.500V17h-2.500l-1-1.500h-1.500L11 14l-.8-2.300A4 4 0 0 1 8 12zM7 7h.01',
  settings: 'M3 6h8M15 6h2M3 14h2M9 14h8M13 4v4M7 12v4',
  folder: 'M3 6a1 1 0 0 1 1-1h3.500L9.5 7H16a1 1 0 0 1 1 1v7a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1z',
  up: 'M10 16V5M5 10l5-5 5 5',
  plus: 'M10 4v12M4 10h12',
  copy: 'M7 7h9v9H7zM4 13V4h9',
  link: 'M8.5 11.500a3 3 0 0 0 4.2 0l2.6-2.600a3 3 0 0 0-4.2-4.200L10 5.8'
    + 'M11.5 8.500a3 3 0 0 0-4.2 0l-2.6 2.600a3 3 0 0 0 4.2 4.200L10 14.2',
  close: 'M5 5l10 10M15 5L5 15',
  clock: 'M10 3.500a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM10 6.500V10l2.5 2',
  trash: 'M4 6h12M8 6V4h4v2M6 6l.7 10h6.600L14 6',
  edit: 'M4 16l.8-3.200L13 4.500l2.5 2.5-8.2 8.200z',
  pause: 'M7 5v10M13 5v10',
  play: 'M6.5 4.500v11L15 10z',
  back: 'M16 10H5M9.5 5.500L5 10l4.5 4.5',
  next: 'M8 5l5 5-5 5',
  previous: 'M12 5l-5 5 5 5',
  sun: 'M10 7a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM10 2.500v1.500M10 16v1.500M2.5 10H4M16 10h1.5'
    + 'M4.7 4.700l1 1M14.3 14.300l1 1M4.7 15.300l1-1M14.3 5.700l1-1',
  moon: 'M16 11.500A6.5 6.5 0 0 1 8.5 4a6.5 6.5 0 1 0 7.5 7.500z',
  leave: 'M8 4H4v12h4M8 10h9M13.5 6.500L17 10l-3.5 3.5',
  refresh: 'M16 10a6 6 0 1 1-1.8-4.300M16 3.500v3h-3',
  restore: 'M4 10a6 6 0 1 0 1.8-4.300M4 3.500v3h3',
  warning: 'M10 4l7 12.500H3zM10 9v3.500M10 14.500v.01',
} as const;

/** The name of an icon. */
export type IconName = keyof typeof PATHS;

/** Draws an icon. */
export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
