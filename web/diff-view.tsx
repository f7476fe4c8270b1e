/**
 * The difference between two values, as a tree of what was inserted, removed and replaced. It compares tokens, so the last digit of a large
 * number counts, and it draws text only: nothing of a value is ever markup.
 */
import { diff } from 'jsondiffpatch';
import type { ComponentChildren } from 'preact';
import { clipped } from './format.js';
import { shownName, type TokenTree, treeOf, treeText } from './json-text.js';

/** Longer values are not compared member by member. */
const COMPARED_CHARACTERS_MAX = 400_000;
const SHOWN_CHARACTERS_MAX = 4000;

/** A difference, as jsondiffpatch describes it. */
type Delta = readonly unknown[] | { readonly [name: string]: unknown };

/** Shows it. Null stands for no value. */
export function DiffView({ before, after }: { readonly before: string | null; readonly after: string | null }) {
  if (before === null && after === null) return <p class="diff muted">There was no value before and after.</p>;
  if (before === null) return <div class="diff"><Line sign="+" text={after ?? ''} /></div>;
  if (after === null) return <div class="diff"><Line sign="-" text={before} /></div>;
  if (before === after) return <p class="diff muted">No difference.</p>;
  if (before.length + after.length > COMPARED_CHARACTERS_MAX) return <Replaced before={before} after={after} />;
  let delta: Delta | undefined;
  try {
    delta = diff(treeOf(before), treeOf(after)) as Delta | undefined;
  } catch {
    // Nested more deeply than can be compared.
    return <Replaced before={before} after={after} />;
  }
  if (delta === undefined) return <p class="diff muted">Only spaces, or the order of members, differ.</p>;
  return <div class="diff"><Change delta={delta} /></div>;
}

function Replaced({ before, after }: { readonly before: string; readonly after: string }) {
  return <div class="diff"><Line sign="-" text={before} /><Line sign="+" text={after} /></div>;
}

function Change({ delta }: { readonly delta: Delta }) {
  if (Array.isArray(delta)) return <Leaf delta={delta as readonly unknown[]} />;
  const members = Object.entries(delta);
  const isList = members.some(([name, value]) => name === '_t' && value === 'a');
  return (
    <ul>
      {members.filter(([name]) => !(isList && name === '_t')).map(([name, value]) => (
        <li key={name}>
          <Name text={isList ? `[${name.replace(/^_/, '')}]` : shownName(name)} />
          <Change delta={value as Delta} />
        </li>
      ))}
    </ul>
  );
}

/** `[new]`, `[old, new]`, `[old, 0, 0]` or, in lists, `['', index, 3]` for what has moved. */
function Leaf({ delta }: { readonly delta: readonly unknown[] }) {
  const [one, other, kind] = delta as readonly [TokenTree, TokenTree | number, number | undefined];
  if (delta.length === 1) return <Line sign="+" text={treeText(one)} />;
  if (delta.length === 2) return <><Line sign="-" text={treeText(one)} /><Line sign="+" text={treeText(other as TokenTree)} /></>;
  if (kind === 3) return <span class="muted">moved to [{String(other)}]</span>;
  return <Line sign="-" text={treeText(one)} />;
}

function Name({ text }: { readonly text: ComponentChildren }) {
  return <b><bdi>{text}</bdi></b>;
}

function Line({ sign, text }: { readonly sign: '+' | '-'; readonly text: string }) {
  const shown = clipped(text, SHOWN_CHARACTERS_MAX);
  return sign === '+' ? <ins><bdi>{shown}</bdi></ins> : <del><bdi>{shown}</bdi></del>;
}
