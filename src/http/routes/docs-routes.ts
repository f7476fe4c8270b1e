/**
 * The page that shows the document of the API, with Swagger UI. It loads nothing from other hosts, and runs no script but its own files.
 */
import { DOCS_PATH } from '../../api/paths.js';
import { readDocsFile } from '../../base/docs-files.js';
import type { Exchange } from '../exchange.js';
import { answerFixed, type FixedBody, fixedBody, redirect } from '../fixed-answer.js';
import type { HttpOptions } from '../http-options.js';
import { noPage, pageRoute } from '../page-route.js';
import type { RouteHandlers } from '../route-handlers.js';

const HTML_TYPE = 'text/html; charset=utf-8';
const SCRIPT_TYPE = 'text/javascript; charset=utf-8';
const STYLE_TYPE = 'text/css; charset=utf-8';

const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; "
  + "form-action 'none'; frame-ancestors 'none'";

const PAGE = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>SimpleKV: HTTP API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="swagger-ui.css">
</head>
<body>
<noscript>This page needs JavaScript. The document that it shows is <a href="../api/v1/openapi.json">openapi.json</a>.</noscript>
<div id="swagger-ui"></div>
<script src="swagger-ui-bundle.js"></script>
<script src="docs.js"></script>
</body>
</html>
`;

// Without a validator: the bundle would ask one on another host. API keys end with the page.
const SCRIPT = `SwaggerUIBundle({
  url: '../api/v1/openapi.json', dom_id: '#swagger-ui', deepLinking: true, persistAuthorization: false, validatorUrl: null,
});
`;

/** The files beside the page, by name. Those that are not of this program are read when they are needed first. */
const FILES: ReadonlyMap<string, () => Promise<FixedBody>> = new Map([
  ['docs.js', async () => fixedBody(SCRIPT_TYPE, SCRIPT)],
  ['swagger-ui-bundle.js', async () => fixedBody(SCRIPT_TYPE, await readDocsFile('swagger-ui-bundle.js'))],
  ['swagger-ui.css', async () => fixedBody(STYLE_TYPE, await readDocsFile('swagger-ui.css'))],
]);

/**
 * Returns the handlers.
 *
 * @param options looked up at each request; without `docsEnabled`, every path is answered 404
 */
export function docsRoutes(options: Pick<HttpOptions, 'docsEnabled'>): RouteHandlers<'getDocs' | 'getDocsFile' | 'findDocs'> {
  const page = fixedBody(HTML_TYPE, PAGE, ['Content-Security-Policy', POLICY]);
  const read = new Map<string, Promise<FixedBody>>();
  const isEnabled = (): boolean => options.docsEnabled;
  return {
    getDocs: pageRoute(isEnabled, (exchange) => answerFixed(exchange, page)),
    getDocsFile: pageRoute(isEnabled, async (exchange) => answerFixed(exchange, await fileOf(exchange, read))),
    findDocs: pageRoute(isEnabled, () => redirect(DOCS_PATH)),
  };
}

function fileOf({ target: { path } }: Exchange, read: Map<string, Promise<FixedBody>>): Promise<FixedBody> {
  const name = path.slice(DOCS_PATH.length);
  const load = FILES.get(name);
  if (load === undefined) throw noPage();
  const file = read.get(name) ?? load();
  read.set(name, file);
  // A file that could not be read is tried again.
  file.catch(() => read.delete(name));
  return file;
}
