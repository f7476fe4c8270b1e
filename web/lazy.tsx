/**
 * Views that are loaded when they are opened, so that the page itself stays small.
 */
import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Failure, Loading } from './parts.js';

/** Makes a component of one that is in a file of its own. */
export function lazy<Props extends object>(load: () => Promise<ComponentType<Props>>): ComponentType<Props> {
  let loaded: ComponentType<Props> | undefined;
  return function Lazy(props: Props) {
    const [, setRound] = useState(0);
    const [error, setError] = useState<unknown>(undefined);
    const fetchIt = (): void => {
      setError(undefined);
      load().then((component) => {
        loaded = component;
        setRound((before) => before + 1);
      }, () => setError(new Error('A part of this page could not be loaded. If the server was updated, load the page again')));
    };
    useEffect(() => {
      if (loaded === undefined) fetchIt();
    }, []);
    if (error !== undefined) return <Failure error={error} onRetry={fetchIt} />;
    if (loaded === undefined) return <Loading what="the view" />;
    const Loaded = loaded;
    return <Loaded {...props} />;
  };
}
