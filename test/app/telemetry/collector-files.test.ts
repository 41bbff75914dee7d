import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readCollectorFiles } from '../../../src/app/telemetry/collector-files.ts';
import { createAuthority } from '../../support/certificates.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const section = { sampleRatio: 1, resource: {} };

async function headers(text: string, mode = 0o600): Promise<Readonly<Record<string, string>>> {
  await using folder = await temporaryFolder();
  const headersFile = join(folder.path, 'headers');
  await writeFile(headersFile, text, { mode });
  return readCollectorFiles({ ...section, headersFile }).headers;
}

async function authorities(text: string): Promise<string | undefined> {
  await using folder = await temporaryFolder();
  const caFile = join(folder.path, 'ca.pem');
  await writeFile(caFile, text);
  return readCollectorFiles({ ...section, caFile }).authorities;
}

describe('the headers for a collector', () => {
  it('are lines of name and value', async () => {
    const text = '# of the collector\nAuthorization: Bearer a b\r\n\nx-scope:  one\t\n';
    expect(await headers(text)).toEqual({ authorization: 'Bearer a b', 'x-scope': 'one' });
    expect(readCollectorFiles(section)).toEqual({ headers: {}, authorities: undefined });
  });

  it.each([
    ['authorization', 1, 'another form'],
    ['a: b\nname with space: c', 2, 'another form'],
    ['a: b\nc: \u00e9', 2, 'another form'],
    ['a: b\n\nA: c', 3, 'twice'],
    ['Host: elsewhere', 1, 'set host'],
    ['content-type: text/plain', 1, 'set content-type'],
    [Array.from({ length: 17 }, (_, index) => `x-${index}: v`).join('\n'), 17, 'more than 16'],
  ])('are refused with the line: %j', async (text, line, reason) => {
    await expect(headers(text)).rejects.toMatchObject({
      code: 'ERR_TRACING_FILE',
      file: { line },
      diagnostics: [
        { reason: expect.stringContaining(reason) as string, remedy: expect.any(String) as string },
      ],
    });
  });

  it('are refused with what they hold left out', async () => {
    const reading = headers('secret-of-the-collector');
    await expect(reading).rejects.toThrow('ERR_TRACING_FILE');
    await expect(reading).rejects.not.toThrow('secret-of-the-collector');
  });

  it('are refused in a file that every user may read, or that is not there', async () => {
    await expect(headers('a: b', 0o644)).rejects.toThrow('chmod 600');
    expect(() => readCollectorFiles({ ...section, headersFile: '/nonexistent' })).toThrow('ENOENT');
  });
});

describe('the authorities of a collector', () => {
  it('are certificates in PEM form', async () => {
    const { cert } = createAuthority();
    expect(await authorities(cert)).toBe(cert);
  });

  it.each(['', 'text', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'])(
    'are refused otherwise: %j',
    (text) =>
      expect(authorities(text)).rejects.toMatchObject({ code: 'ERR_CERTIFICATE_INVALID', file: { line: 1 } }),
  );
});
