/**
 * Text as a value, for programs that bring text of their own: JSON objects and arrays are stored as they are, so that the log shows them
 * readable, and any other text as a JSON string. A quotation mark at the beginning tells which it was.
 */

/**
 * The JSON under which a text is stored.
 *
 * @param text any
 */
export function jsonOfText(text: string): string {
  return isKeptAsIs(text) ? text : JSON.stringify(text);
}

/**
 * The text that is stored in this way.
 *
 * @param json of a value
 */
export function textOfJson(json: string): string {
  return json.startsWith('"') ? JSON.parse(json) as string : json;
}

/** The server drops blanks around a value, and line breaks between its tokens. */
function isKeptAsIs(text: string): boolean {
  if (!/^(?:\{[^\r\n]*\}|\[[^\r\n]*\])$/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
