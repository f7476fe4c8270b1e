/**
 * The private key and the certificate for HTTPS, read and tried before the server takes a lock or a port: a wrong file is a fault of
 * the configuration and is reported with its setting. Never shows the content of a file.
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

/** The paths of both files. */
export interface TlsPaths {
  /** Absolute. */
  readonly keyFile: string;
  /** Absolute. */
  readonly certFile: string;
}

/** A private key and its certificate. */
export interface TlsFiles {
  readonly key: Buffer;
  readonly cert: Buffer;
  /** For the server log. */
  readonly warnings: readonly string[];
}

/**
 * Reads both files and checks that a server can start with them.
 *
 * @param nowMs the present time, for the validity of the certificate
 * @throws {ConfigError} with the pointer to the setting of the wrong file
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
    throw refusal({ pointer, file, expected: `a file that can be read, but the system reports ${cause.code ?? 'an error'}` }, cause);
  }
}

function parseKey(bytes: Buffer, file: string): KeyObject {
  const text = bytes.toString('latin1');
  const fault = { pointer: KEY_POINTER, file, expected: KEY_EXPECTED };
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) throw refusal({ ...fault, found: contentOf(text) });
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(text)) {
    const expected = 'one without a passphrase, which `openssl pkey -in OLD -out NEW` writes';
    throw refusal({ ...fault, found: 'an encrypted private key', expected });
  }
  try {
    return createPrivateKey(bytes);
  } catch (cause) {
    throw refusal({ ...fault, found: 'a private key that cannot be read' }, cause);
  }
}

function parseCertificate(bytes: Buffer, file: string): X509Certificate {
  const text = bytes.toString('latin1');
  const fault = { pointer: CERT_POINTER, file, expected: CERT_EXPECTED };
  if (!text.includes('-----BEGIN CERTIFICATE-----')) throw refusal({ ...fault, found: contentOf(text) });
  try {
    return new X509Certificate(bytes);
  } catch (cause) {
    throw refusal({ ...fault, found: 'a certificate that cannot be read' }, cause);
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
  /** The content that it has instead, as a phrase. */
  readonly found?: string;
}

function refusal({ pointer, file, expected, found }: WrongFile, cause?: unknown): ConfigError {
  const content = found === undefined ? '' : `, which contains ${found}`;
  return new ConfigError({ pointer, found: `${JSON.stringify(file)}${content}`, expected }, { cause });
}

/** OpenSSL's message, which names kinds and sizes but no content. */
function textOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

/** Not an error: clients that do not verify certificates can still be served. */
function validityWarnings({ validFrom, validTo }: X509Certificate, file: string, nowMs: number): readonly string[] {
  const named = `The certificate ${JSON.stringify(file)}`;
  if (Date.parse(validTo) < nowMs) return [`${named} expired on ${validTo}: clients refuse it; replace it and restart the server`];
  if (Date.parse(validFrom) > nowMs) return [`${named} is not valid before ${validFrom}: clients refuse it until then`];
  return [];
}
