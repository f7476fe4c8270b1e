/**
 * Light or dark: as the system is set, until the user chooses. The choice is all that the UI keeps in `localStorage`.
 */
import { signal } from '@preact/signals';

/** What can be chosen. */
export type Theme = 'light' | 'dark';

const STORED = 'simplekv.theme';
const systemIsDark = matchMedia('(prefers-color-scheme: dark)');

/** What is shown. */
export const theme = signal<Theme>(readChoice() ?? (systemIsDark.matches ? 'dark' : 'light'));

/** Shows the theme, and follows the system while the user has not chosen. */
export function followTheme(): void {
  document.documentElement.dataset['theme'] = theme.value;
  systemIsDark.addEventListener('change', () => {
    if (readChoice() === null) show(systemIsDark.matches ? 'dark' : 'light');
  });
}

/** Chooses the other one. */
export function toggleTheme(): void {
  const chosen = theme.value === 'dark' ? 'light' : 'dark';
  localStorage.setItem(STORED, chosen);
  show(chosen);
}

function show(chosen: Theme): void {
  theme.value = chosen;
  document.documentElement.dataset['theme'] = chosen;
}

function readChoice(): Theme | null {
  const stored = localStorage.getItem(STORED);
  return stored === 'light' || stored === 'dark' ? stored : null;
}
