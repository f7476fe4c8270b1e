/**
 * The key and the certificate for HTTPS, read and tried before the server takes anything: a wrong file is a fault of the
 * configuration, and is named by its setting. Never shows what a file holds.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { isErrno } from '../base/app-error.js';
import { ConfigError } from './config-error.js';

const KEY_POINTER = '/tls/key_file';
const CERT_POINTER = '/tls/cert_file';
const KEY_EXPECTED = 'a private key as PEM, which begins with "-----BEGIN PRIVATE KEY-----"';
const CERT_EXPECTED = 'a certificate as PEM, which begins with "-----BEGIN CERTIFICATE-----"';

/** Where both files are. */
export interface TlsPaths {
  /** Absolute. */
  readonly keyFile: string;
  /** Absolute. */
  readonly certFile: string;
}

/** A key and a certificate that fit. */
export interface TlsFiles {
  readonly key: Buffer;
  readonly cert: Buffer;
  /** What a person should know of them, each a sentence. */
  readonly warnings: readonly string[];
}

/**
 * Reads both files and makes sure that a server can be started with them.
 *
 * @param nowMs the present time, against which the certificate's validity is held
 * @throws {ConfigError} with the pointer of the file that is wrong
 */
export async function readTlsFiles({ keyFile, certFile }: TlsPaths, nowMs: number): Promise<TlsFiles> {
  const key = await read(KEY_POINTER, keyFile);
  const cert = await read(CERT_POINTER, certFile);
  const privateKey = parseKey(key, keyFile);
  const certificate = parseCertificate(cert, certFile);
  if (!certificate.checkPrivateKey(privateKey)) {
    const expected = `the private key of the certificate ${JSON.stringify(certFile)}: the two do not belong together`;
    throw new ConfigError({ pointer: KEY_POINTER, found: JSON.stringify(keyFile), expected });
  }
  try {
    createSecureContext({ key, cert });
  } catch (cause) {
    const expected = `a certificate and chain that TLS accepts (${textOf(cause)})`;
    throw refusal({ pointer: CERT_POINTER, file: certFile, expected }, cause);
  }
  return { key, cert, warnings: validityWarnings(certificate, certFile, nowMs) };
}

async function read(pointer: string, file: string): Promise<Buffer> {
  try {
    // Opening a pipe would wait for a writer.
    if (!(await stat(file)).isFile()) throw refusal({ pointer, file, expected: 'a file' });
    return await readFile(file);
  } catch (cause) {
    if (!isErrno(cause)) throw cause;
    throw refusal({ pointer, file, expected: `a file that can be read, but the system says ${cause.code ?? 'no'}` }, cause);
  }
}

function parseKey(bytes: Buffer, file: string): KeyObject {
  const text = bytes.toString('latin1');
  const place = { pointer: KEY_POINTER, file, expected: KEY_EXPECTED };
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) throw refusal({ ...place, found: contentOf(text) });
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(text)) {
    const expected = 'one without a passphrase, which `openssl pkey -in OLD -out NEW` writes';
    throw refusal({ ...place, found: 'an encrypted private key', expected });
  }
  try {
    return createPrivateKey(bytes);
  } catch (cause) {
    throw refusal({ ...place, found: 'a private key that cannot be read' }, cause);
  }
}

function parseCertificate(bytes: Buffer, file: string): X509Certificate {
  const text = bytes.toString('latin1');
  const place = { pointer: CERT_POINTER, file, expected: CERT_EXPECTED };
  if (!text.includes('-----BEGIN CERTIFICATE-----')) throw refusal({ ...place, found: contentOf(text) });
  try {
    return new X509Certificate(bytes);
  } catch (cause) {
    throw refusal({ ...place, found: 'a certificate that cannot be read' }, cause);
  }
}

function contentOf(text: string): string {
  if (text === '') return 'nothing';
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) return 'a private key';
  if (text.includes('-----BEGIN CERTIFICATE-----')) return 'a certificate';
  return text.includes('-----BEGIN ') ? 'PEM of another kind' : 'no PEM';
}

interface WrongFile {
  readonly pointer: string;
  readonly file: string;
  readonly expected: string;
  /** What it holds instead, as a phrase. */
  readonly found?: string;
}

function refusal({ pointer, file, expected, found }: WrongFile, cause?: unknown): ConfigError {
  const holds = found === undefined ? '' : `, which holds ${found}`;
  return new ConfigError({ pointer, found: `${JSON.stringify(file)}${holds}`, expected }, { cause });
}

/** OpenSSL's own words; they speak of kinds and sizes, not of content. */
function textOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

/** Clients refuse such a certificate, but a server with it still serves those who do not look. */
function validityWarnings({ validFrom, validTo }: X509Certificate, file: string, nowMs: number): readonly string[] {
  const named = `The certificate ${JSON.stringify(file)}`;
  if (Date.parse(validTo) < nowMs) return [`${named} expired on ${validTo}: clients refuse it; put a new one there and restart`];
  if (Date.parse(validFrom) > nowMs) return [`${named} is not valid before ${validFrom}: clients refuse it until then`];
  return [];
}
