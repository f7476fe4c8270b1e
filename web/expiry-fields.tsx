/**
 * When a value expires: never, after a while, or at a time.
 */
import { useState } from 'preact/hooks';
import type { ExpiryOptions } from '../src/client/index.js';

const UNIT_SECONDS = { seconds: 1, minutes: 60, hours: 3600, days: 86_400 } as const;
const MS_PER_SECOND = 1000;

/** What the user has chosen. */
export type ExpiryChoice = Pick<ExpiryOptions, 'ttlMs' | 'expiresAt'>;

/** Asks for it. */
export function ExpiryFields({ onChange }: { readonly onChange: (choice: ExpiryChoice) => void }) {
  const [kind, setKind] = useState<'never' | 'after' | 'at'>('never');
  const [amount, setAmount] = useState('1');
  const [unit, setUnit] = useState<keyof typeof UNIT_SECONDS>('hours');
  const tellAfter = (amountText: string, chosen: keyof typeof UNIT_SECONDS): void => {
    setAmount(amountText);
    setUnit(chosen);
    onChange({ ttlMs: Number(amountText) * UNIT_SECONDS[chosen] * MS_PER_SECOND });
  };
  return (
    <div class="expiry">
      <label>
        Expires
        <select value={kind} onChange={(event) => {
          const chosen = event.currentTarget.value as typeof kind;
          setKind(chosen);
          if (chosen === 'never') onChange({});
          if (chosen === 'after') tellAfter(amount, unit);
        }}>
          <option value="never">never</option>
          <option value="after">after</option>
          <option value="at">at</option>
        </select>
      </label>
      {kind === 'after' && (
        <>
          <input type="number" min="1" step="1" required value={amount} aria-label="Amount of time"
            onInput={(event) => tellAfter(event.currentTarget.value, unit)} />
          <select value={unit} aria-label="Unit of time" onChange={(event) => tellAfter(amount, event.currentTarget.value as typeof unit)}>
            {Object.keys(UNIT_SECONDS).map((name) => <option key={name}>{name}</option>)}
          </select>
        </>
      )}
      {kind === 'at' && (
        <input type="datetime-local" required aria-label="Time" step="1"
          onInput={(event) => { if (event.currentTarget.value !== '') onChange({ expiresAt: new Date(event.currentTarget.value) }); }} />
      )}
    </div>
  );
}
