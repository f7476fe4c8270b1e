/**
 * The files of the web UI, which the build puts beside the bundle. They are read once.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** A file whose name changes with its content. */
interface UiAsset {
  readonly bytes: Buffer;
  /** The same, compressed with gzip. */
  readonly gzipBytes: Buffer;
}

/** Everything that a browser may ask for. */
interface UiFiles {
  /** The page. */
  readonly page: string;
  /** What it loads, by name. */
  readonly assets: ReadonlyMap<string, UiAsset>;
}

/** From this module in the bundle, and from it as it was compiled. */
const FOLDERS = [new URL('ui/', import.meta.url), new URL('../../bin/ui/', import.meta.url)];
const GZIP_ENDING = '.gz';

let files: UiFiles | undefined;

/**
 * Returns the files.
 *
 * @throws {Error} from the file system, if the UI was not built
 */
export function uiFiles(): UiFiles {
  return (files ??= readUiFiles());
}

function readUiFiles(): UiFiles {
  const folder = FOLDERS.find((one) => existsSync(one)) ?? FOLDERS[0];
  const assetFolder = new URL('assets/', folder);
  const names = readdirSync(assetFolder).filter((name) => !name.endsWith(GZIP_ENDING));
  const readAsset = (name: string): UiAsset => ({
    bytes: readFileSync(new URL(name, assetFolder)), gzipBytes: readFileSync(new URL(`${name}${GZIP_ENDING}`, assetFolder)),
  });
  return {
    page: readFileSync(new URL('index.html', folder), 'utf8'),
    assets: new Map(names.map((name) => [name, readAsset(name)])),
  };
}
