import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { errorSections, explanationOf } from '../../src/cli/errors.ts';
import { exitCodeOf, exitCodes } from '../../src/cli/exit.ts';
import { errorsPage } from './errors-page.ts';

const root = join(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'ERRORS.md'), 'utf8');

/** Without the padding that prettier gives to tables. */
const unpadded = (text: string): string =>
  text
    .replaceAll(/ +(?=\|)/g, ' ')
    .replaceAll(/-{3,}/g, '---')
    .trim();

/** Codes written in the sources, comments not counted. Those of Node itself are named here. */
function codesInSources(): string[] {
  const nodes =
    /^ERR_(SSL_[A-Z_]+|STREAM_PREMATURE_CLOSE|BUFFER_TOO_LARGE|TLS_CERT_ALTNAME_INVALID|HTTP_REQUEST_TIMEOUT)$/;
  // Codes of attestations and their keys are in docs/connection-signals.md.
  const elsewhere = /^signals\//;
  const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter(
    (file) => /\.(ts|js)$/.test(file) && !elsewhere.test(file),
  );
  const texts = files.map((file) =>
    readFileSync(join(root, 'src', file), 'utf8').replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, ''),
  );
  const found = texts.flatMap((text) =>
    [...text.matchAll(/\bERR_[A-Z0-9]+(?:_[A-Z0-9]+)*\b(?!_)/g)].map(([code]) => code),
  );
  return [...new Set(found)].filter((code) => !nodes.test(code));
}

describe('ERRORS.md', () => {
  it('says what the tables of codes say (regenerate: node test/cli/errors-page.ts > ERRORS.md)', () => {
    expect(unpadded(page)).toBe(unpadded(errorsPage()));
  });

  it('has every code that the sources know', () => {
    const codes = codesInSources();
    expect(codes.length).toBeGreaterThan(60);
    expect(codes.filter((code) => explanationOf(code) === undefined)).toEqual([]);
  });

  it('says something for each', () => {
    for (const { codes } of errorSections)
      for (const { cause, remedy } of Object.values(codes)) {
        expect(cause).toMatch(/^[A-Z].{15,}\.$/);
        expect(remedy).toMatch(/^[A-Z`].{5,}\.$/);
      }
  });
});

describe('exit codes', () => {
  it('are those of sysexits.h', () => {
    const { ok, negative, ...rest } = exitCodes;
    expect([ok, negative]).toEqual([0, 1]);
    expect(rest).toEqual({
      usage: 64,
      dataError: 65,
      noInput: 66,
      unavailable: 69,
      software: 70,
      ioError: 74,
      noPermission: 77,
      config: 78,
    });
  });

  it('are chosen by a rule for every code that ends a command', () => {
    const titles = ['Commands', 'Configuration', 'Ports and certificates'];
    const codes = errorSections
      .filter(({ title }) => titles.includes(title))
      .flatMap(({ codes }) => Object.keys(codes));
    expect(codes.length).toBeGreaterThan(30);
    expect(codes.filter((code) => exitCodeOf(code) === exitCodes.software)).toEqual([]);
  });

  it.each([
    ['ERR_USAGE', 64],
    ['ERR_FILE', 66],
    ['ERR_CONFIG_NOT_FOUND', 66],
    ['ERR_CONFIG_UNKNOWN_KEY', 78],
    ['ERR_CERTIFICATE_KEY_MISMATCH', 78],
    ['ERR_PORT_IN_USE', 69],
    ['ERR_PORT_PERMISSION', 77],
    ['ERR_INTERNAL', 70],
    ['ERR_NEVER_HEARD_OF', 70],
  ])('%s is %i', (code, exit) => expect(exitCodeOf(code)).toBe(exit));
});
