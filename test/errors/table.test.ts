import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { errorSections, explanationOf } from '../../src/errors/table.ts';
import type { DiscoErrorCode, HashSetErrorCode } from '../../src/capabilities/errors.ts';
import type { ChatErrorCode } from '../../src/chat/error.ts';
import { discoErrors } from '../../src/errors/capabilities.ts';
import { chatErrors } from '../../src/errors/chat.ts';
import type { ErrorRow } from '../../src/errors/row.ts';
import { simulatorErrors } from '../../src/errors/simulator.ts';
import type { NoiseErrorCode } from '../../src/noise/error.ts';
import type { SimulatorErrorCode } from '../../src/simulator/error.ts';
import { adminErrors, httpErrors } from '../../src/errors/http.ts';
import { streamErrors } from '../../src/errors/stream.ts';
import { tokenErrors } from '../../src/errors/token.ts';
import { exitCodes } from '../../src/errors/exit.ts';
import { exitCodeOf } from '../../src/errors/table.ts';
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
  it('has the rows of the tables of codes (regenerate: node test/errors/errors-page.ts > ERRORS.md)', () => {
    expect(unpadded(page)).toBe(unpadded(errorsPage()));
  });

  it('has every code in the sources', () => {
    const codes = codesInSources();
    expect(codes.length).toBeGreaterThan(60);
    expect(codes.filter((code) => explanationOf(code) === undefined)).toEqual([]);
  });

  it('has cause and remedy for each', () => {
    for (const { codes } of errorSections)
      for (const { cause, remedy } of Object.values(codes)) {
        expect(cause).toMatch(/^[A-Z].{15,}\.$/);
        expect(remedy).toMatch(/^[A-Z`].{5,}\.$/);
      }
  });
});

/** Every file of the sources, comments left out. */
function sources(): { readonly file: string; readonly text: string }[] {
  return readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(ts|js)$/.test(file))
    .map((file) => ({
      file,
      text: readFileSync(join(root, 'src', file), 'utf8').replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, ''),
    }));
}

/** Codes of folders that say themselves what each means; the types make the table complete. */
const elsewhere: Readonly<
  Record<ChatErrorCode | NoiseErrorCode | DiscoErrorCode | HashSetErrorCode | SimulatorErrorCode, ErrorRow>
> = { ...chatErrors, ...discoErrors, ...simulatorErrors };

describe('the table of errors', () => {
  it('has a row for each code of the types', () => {
    for (const code of Object.keys(elsewhere)) expect(explanationOf(code)).toBeDefined();
  });

  const codes = errorSections.flatMap((section) => Object.keys(section.codes));

  it('has each code once', () => {
    expect(codes.filter((code, index) => codes.indexOf(code) !== index)).toEqual([]);
  });

  it('has no code that nothing throws', () => {
    const outside = sources().filter(({ file }) => !file.startsWith('errors/'));
    const used = (code: string): boolean =>
      outside.some(({ text }) => text.includes(`'${code}'`) || text.includes(`${code}:`));
    expect(codes.filter((code) => !used(code))).toEqual([]);
  });

  it('lists the conditions of each stream error, as the sources send it', () => {
    const thrown = /'([a-z]+(?:-[a-z]+)+)',\s*(?:\{\s*code:\s*)?'(ERR_[A-Z0-9_]+)'/g;
    const found = sources()
      .filter(({ file }) => !file.startsWith('errors/'))
      .flatMap(({ text }) => [...text.matchAll(thrown)])
      .filter(([, , code]) => Object.hasOwn(streamErrors, code!));
    expect(found.length).toBeGreaterThan(60);
    const wrong = found.filter(
      ([, condition, code]) => !explanationOf(code!)!.conditions?.includes(condition!),
    );
    expect(wrong.map(([, condition, code]) => `${code} with ${condition}`)).toEqual([]);
  });

  it('has a status for each code that is answered over HTTP, and for no other', () => {
    const overHttp = { ...httpErrors, ...adminErrors, ...tokenErrors };
    for (const { status } of Object.values(overHttp)) expect([4, 5]).toContain(Math.floor(status / 100));
    const others = codes.filter((code) => !Object.hasOwn(overHttp, code));
    expect(others.filter((code) => explanationOf(code)!.status !== undefined)).toEqual([]);
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
      cannotCreate: 73,
      ioError: 74,
      noPermission: 77,
      config: 78,
    });
  });

  it('are those of the row or its section', () => {
    const titles = ['Commands', 'Configuration', 'Ports and certificates', 'Capability profiles'];
    const codes = errorSections
      .filter(({ title }) => titles.includes(title))
      .flatMap(({ codes }) => Object.keys(codes));
    expect(codes.length).toBeGreaterThan(30);
    expect(codes.filter((code) => exitCodeOf(code) === exitCodes.software)).toEqual([]);
  });

  it.each([
    ['ERR_USAGE', 64],
    ['ERR_FILE', 66],
    ['ERR_INIT_EXISTS', 73],
    ['ERR_CONFIG_NOT_FOUND', 66],
    ['ERR_CONFIG_UNKNOWN_KEY', 78],
    ['ERR_CERTIFICATE_KEY_MISMATCH', 78],
    ['ERR_PORT_IN_USE', 69],
    ['ERR_PORT_PERMISSION', 77],
    ['ERR_INTERNAL', 70],
    ['ERR_NEVER_HEARD_OF', 70],
  ])('%s is %i', (code, exit) => expect(exitCodeOf(code)).toBe(exit));
});
