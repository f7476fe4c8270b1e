/**
 * Settings of the JavaScript engine for a server.
 */
import { setFlagsFromString } from 'node:v8';

/**
 * Lets every new object begin in the young generation. V8 otherwise learns where long-lived objects are made. While a log is replayed or a
 * snapshot is loaded, objects live for a whole batch, so it would put those of each request, which are made at the same places, into the
 * old generation, where they occupy memory until the next full collection.
 */
export function setUpEngine(): void {
  setFlagsFromString('--no-allocation-site-pretenuring');
}
