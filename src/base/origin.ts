/**
 * Origins of web pages, as browsers write them in the header `Origin`: scheme, name, and port unless it is the default.
 */

/** Stands for every origin. */
export const ANY_ORIGIN = '*';

/** The form of an origin, without a path. There are no patterns of origins. */
export const ORIGIN_PATTERN = '[a-z][a-z0-9+.-]*://[^\\s/?#@*]{1,300}';

const WEB_ORIGIN = /^https?:/;

/**
 * Returns an origin as browsers write it; undefined for what is none.
 *
 * @param text of the form of {@link ORIGIN_PATTERN}
 */
export function browserOrigin(text: string): string | undefined {
  // URL knows no origins of other schemes, such as those of extensions.
  if (!WEB_ORIGIN.test(text)) return text;
  try {
    return new URL(text).origin;
  } catch {
    return undefined;
  }
}
