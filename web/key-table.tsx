/**
 * The list of keys. Only what is in view is in the document, and more is loaded as the end comes near. One stop of the tabulator: arrows
 * move in it, Enter opens, Backspace leaves a folder.
 */
import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { ago, clipped } from './format.js';
import { parentOf, pathOf } from './folders.js';
import { Icon } from './icon.js';
import type { KeyList, KeyRow } from './key-list.js';
import { Failure, KeyName, Loading } from './parts.js';
import { go } from './route.js';

const ROW_PX = 34;
const OVERSCAN_ROWS = 10;
/** Rows before the end at which more are loaded. */
const AHEAD_ROWS = 60;
const PREVIEW_CHARACTERS = 160;
const PAGE_KEYS_ROWS = 12;

/** Shows a list. */
export function KeyTable({ list, selected, prefix, hasFolders, empty }: {
  readonly list: KeyList;
  readonly selected: string | null;
  readonly prefix: string;
  readonly hasFolders: boolean;
  readonly empty: ComponentChildren;
}) {
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 800 });
  const [active, setActive] = useState(-1);
  const rows = list.rows.value;
  const isComplete = list.isComplete.value;
  const folder = hasFolders ? pathOf(prefix).at(-1) ?? '' : '';
  const first = Math.max(0, Math.floor(view.top / ROW_PX) - OVERSCAN_ROWS);
  const last = Math.min(rows.length, Math.ceil((view.top + view.height) / ROW_PX) + OVERSCAN_ROWS);
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    const measure = (): void => setView({ top: element.scrollTop, height: element.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    element.addEventListener('scroll', measure, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', measure);
    };
  }, []);
  useEffect(() => {
    box.current?.scrollTo({ top: 0 });
    setActive(document.activeElement === box.current ? 0 : -1);
  }, [prefix, hasFolders]);
  useEffect(() => {
    if (last + AHEAD_ROWS >= rows.length && !isComplete && list.error.value === undefined) void list.more();
  }, [list, last, rows.length, isComplete]);
  const open = (row: KeyRow | undefined): void => {
    if (row?.kind === 'folder') go({ prefix: row.prefix });
    if (row?.kind === 'key') go({ view: 'k', key: row.key });
  };
  const move = (event: KeyboardEvent): void => {
    const current = active < 0 ? rows.findIndex((row) => row.kind === 'key' && row.key === selected) : active;
    const target = targetOf(event.key, current, rows.length);
    if (event.key === 'Enter') open(rows[current]);
    else if (event.key === 'Backspace' && hasFolders && prefix !== '') go({ prefix: parentOf(prefix) });
    else if (target === null) return;
    else {
      setActive(target);
      if (box.current !== null) scrollTo(box.current, target * ROW_PX);
    }
    event.preventDefault();
  };
  if (isComplete && rows.length === 0) return <div class="key-rows">{empty}</div>;
  return (
    <>
      <div class="key-rows" ref={box} role="listbox" tabIndex={0} aria-label="Keys" aria-busy={list.isLoading.value} onKeyDown={move}
        onFocus={() => active < 0 && setActive(0)} aria-activedescendant={active >= first && active < last ? `row-${active}` : undefined}>
        <div class="key-space" style={{ height: `${rows.length * ROW_PX}px` }} role="presentation">
          {rows.slice(first, last).map((row, index) => (
            <Row key={row.kind === 'key' ? `k${row.key}` : `f${row.prefix}`} row={row} index={first + index}
              count={isComplete ? rows.length : -1} isActive={first + index === active} folder={folder}
              isSelected={row.kind === 'key' && row.key === selected} onOpen={() => { setActive(first + index); open(row); }} />
          ))}
        </div>
      </div>
      {list.error.value !== undefined && <Failure error={list.error.value} onRetry={() => void list.more()} />}
      {list.isLoading.value && <Loading what="keys" />}
    </>
  );
}

function Row({ row, index, count, isActive, isSelected, folder, onOpen }: {
  readonly row: KeyRow; readonly index: number; readonly count: number; readonly isActive: boolean; readonly isSelected: boolean;
  readonly folder: string; readonly onOpen: () => void;
}) {
  const expiresAt = row.kind === 'key' ? row.entry?.expiresAt ?? null : null;
  return (
    <div class={`key-row ${isActive ? 'active' : ''}`} id={`row-${index}`} role="option" aria-selected={isSelected} onClick={onOpen}
      aria-posinset={index + 1} aria-setsize={count} style={{ transform: `translateY(${index * ROW_PX}px)` }}>
      {row.kind === 'folder' && <Icon name="folder" />}
      <KeyName of={(row.kind === 'key' ? row.key : row.prefix).slice(folder.length)} />
      {row.kind === 'key' && row.entry !== null && <span class="preview"><bdi>{clipped(row.entry.text, PREVIEW_CHARACTERS)}</bdi></span>}
      {expiresAt !== null && <span class="expires" title={`expires ${ago(expiresAt)}`}><Icon name="clock" /></span>}
    </div>
  );
}

function scrollTo(element: HTMLElement, top: number): void {
  if (top < element.scrollTop) element.scrollTop = top;
  const lowest = top + ROW_PX - element.clientHeight;
  if (lowest > element.scrollTop) element.scrollTop = lowest;
}

function targetOf(key: string, current: number, count: number): number | null {
  const steps: Readonly<Record<string, number>> = {
    ArrowDown: current + 1, ArrowUp: current - 1, PageDown: current + PAGE_KEYS_ROWS, PageUp: current - PAGE_KEYS_ROWS, Home: 0,
    End: count - 1,
  };
  const target = steps[key];
  return target === undefined ? null : Math.max(0, Math.min(count - 1, target));
}
