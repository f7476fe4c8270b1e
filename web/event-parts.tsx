/**
 * Parts of an event of the log: its operation, and who made it.
 */
import { Badge } from './parts.js';

const TONES: Readonly<Record<string, 'good' | 'bad' | 'accent' | 'warn'>> = {
  'set': 'good', 'set.until': 'good', 'delete': 'bad', 'clear': 'bad', 'clear.range': 'bad', 'expire': 'warn', 'touch': 'accent',
  'batch': 'accent',
};

/** The operation. */
export function OpBadge({ op }: { readonly op: string }) {
  return <Badge tone={TONES[op] ?? 'plain'}>{op}</Badge>;
}

/** Who it was: `project:shop#…` is an API key of the project, by its id. */
export function ActorName({ actor }: { readonly actor: string }) {
  return <span class="actor" title={actor}><bdi>{actor}</bdi></span>;
}
