/**
 * The web UI: a page and the files that it loads. It holds no data, so it needs no API key; what it shows comes from the API. The page may
 * load and run nothing but the files of this server, and cannot be put into a frame.
 */
import { UI_PATH } from '../../api/paths.js';
import { uiFiles } from '../../base/ui-files.js';
import type { Answer, Exchange } from '../exchange.js';
import { answerFixed, type FixedBody, fixedBody, redirect } from '../fixed-answer.js';
import type { HttpOptions } from '../http-options.js';
import { noPage, pageRoute } from '../page-route.js';
import type { RouteHandlers } from '../route-handlers.js';

const OK = 200;
const ASSETS_PATH = `${UI_PATH}assets/`;
/** What the page loads or links to, which it names relative to itself: a proxy may have put a path in front. */
const OWN_LINK = /(src|href)="(?=assets\/|\.\.\/)/g;
const HTML_TYPE = 'text/html; charset=utf-8';
const TYPES: Readonly<Record<string, string>> = { js: 'text/javascript; charset=utf-8', css: 'text/css; charset=utf-8' };
/** The coding is listed, and not with a quality of 0. */
const ACCEPTS_GZIP = /(?:^|,)\s*gzip\s*(?:$|,|;\s*q=(?!0(?:\.0*)?\s*(?:$|,)))/i;
const YEAR_SECONDS = 31_536_000;

const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'none'; "
  + "base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";
/** Beside `X-Content-Type-Options: nosniff`, which every answer has. */
const ISOLATION = [
  'Referrer-Policy', 'no-referrer', 'Cross-Origin-Opener-Policy', 'same-origin', 'Cross-Origin-Resource-Policy', 'same-origin',
] as const;

/**
 * Returns the handlers. The files are read here, at the start, or when the UI is switched on and asked for first.
 *
 * @param options looked up at each request; without `uiEnabled`, every path is answered 404
 */
export function uiRoutes(options: Pick<HttpOptions, 'uiEnabled'>): RouteHandlers<'getUi' | 'getUiProject' | 'getUiAsset' | 'findUi'> {
  const isEnabled = (): boolean => options.uiEnabled;
  let made: FixedBody | undefined;
  const page = (): FixedBody => (
    made ??= fixedBody(HTML_TYPE, uiFiles().page, ['Content-Security-Policy', POLICY, ...ISOLATION])
  );
  if (options.uiEnabled) page();
  return {
    getUi: pageRoute(isEnabled, (exchange) => answerFixed(exchange, page())),
    getUiProject: pageRoute(isEnabled, (exchange) => answerFixed(exchange, { ...page(), body: pageAt(page().body, exchange.target.path) })),
    getUiAsset: pageRoute(isEnabled, answerAsset),
    findUi: pageRoute(isEnabled, () => redirect(UI_PATH)),
  };
}

/** The page for a path in folders below its own. Its tag stays: it tells versions of the page apart, and a path has one text of each. */
function pageAt(page: string, path: string): string {
  const folders = path.slice(UI_PATH.length).split('/').length - 1;
  return page.replace(OWN_LINK, `$1="${'../'.repeat(folders)}`);
}

function answerAsset({ target: { path }, request }: Exchange): Answer {
  const name = path.slice(ASSETS_PATH.length);
  const asset = uiFiles().assets.get(name);
  if (asset === undefined) throw noPage();
  const isGzip = ACCEPTS_GZIP.test(String(request.headers['accept-encoding'] ?? ''));
  const headers = [
    'Content-Type', TYPES[name.slice(name.lastIndexOf('.') + 1)] ?? 'application/octet-stream',
    'Cache-Control', `public, max-age=${YEAR_SECONDS}, immutable`, 'Vary', 'Accept-Encoding', ...ISOLATION,
    ...(isGzip ? ['Content-Encoding', 'gzip'] : []),
  ];
  return { status: OK, headers, body: isGzip ? asset.gzipBytes : asset.bytes };
}
