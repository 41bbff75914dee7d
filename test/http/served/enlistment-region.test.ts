/** Opting in from some regions only (RO-7.5.1), through a whole proxy: by the address of the request and the operator's
 *  table. */
import { afterEach, describe, expect, it } from 'vitest';
import { ownershipToken, startServed, type ServedProxy } from '../support/served.ts';
import { temporaryFolder, type TemporaryFolder } from '../../support/temporary.ts';
import { httpVersions, type Got, type HttpVersion } from '../support/versions.ts';

let folder: TemporaryFolder;
let served: ServedProxy;
afterEach(async () => {
  await served.close();
  await folder[Symbol.asyncDispose]();
});

/** Opts in from this machine, whose region the table says. */
async function enlistUnder(table: string, version: HttpVersion): Promise<Got> {
  folder = await temporaryFolder();
  const geofeedFile = await folder.write('regions.csv', table);
  served = await startServed({
    version,
    proxy: { regions: { geofeedFile } },
    gatekeeper: ({ url }) => ({
      enlistment: { url: new URL('/enlistments', url).href, regions: ['AT', 'DE-BY'] },
    }),
  });
  return served.ask('/enlistments', {
    method: 'POST',
    headers: {
      authorization: `Bearer ${await ownershipToken()}`,
      'ownership-nonce': 'n-1',
      'idempotency-key': crypto.randomUUID(),
    },
    body: { gatekeeper: 'test' },
  });
}

describe.each(httpVersions)('enlisting over %s where a region is required', (version) => {
  it.each([
    ['127.0.0.0/8,AT\n', 201],
    ['127.0.0.0/8,US\n127.0.0.1/32,DE,DE-BY\n', 201],
    ['127.0.0.0/8,AT\n127.0.0.1/32,US\n', 403],
    ['127.0.0.0/8,DE\n', 403],
    ['10.0.0.0/8,AT\n', 403],
  ])('under the table %j answers %i', async (table, status) => {
    const answer = await enlistUnder(table, version);
    expect(answer.status).toBe(status);
    if (status === 201) return;
    expect(answer.json()['code']).toBe('ERR_ENLISTMENT_REGION');
    expect(served.gatekeeper.received).toEqual([]);
    expect(JSON.stringify(served.events) + answer.body).not.toMatch(/\b(US|DE|127\.0)\b/);
  });
});
