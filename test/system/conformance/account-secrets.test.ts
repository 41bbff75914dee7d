/** The secret of the accounts' keys is replaced under a running proxy: accounts enlisted before log in, and enlistments get
 *  keys of the new secret. */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { httpVersions, openRequester, type HttpVersion } from '../../http/support/versions.ts';
import {
  audience,
  publishedKeys,
  startPublishedDeployment,
  type PublishedDeployment,
} from '../../support/published-deployment.ts';
import { connectChatClient } from '../../../src/simulator/chat/client.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { retried } from '../../support/wait.ts';

const tokenOf = (deployment: PublishedDeployment, name: string): Promise<string> =>
  deployment.issuer.sign({ subject: `${name}@provider.example`, audience });

/** Enlists an account. Returns the key in the form that the gatekeeper received. */
async function enlist(deployment: PublishedDeployment, version: HttpVersion, name: string): Promise<string> {
  const { hostname: host, port } = new URL(deployment.direct);
  const requester = openRequester(version, { host, port: Number(port), ca: deployment.ca });
  try {
    const token = await tokenOf(deployment, name);
    const { status } = await requester.request({
      method: 'POST',
      path: '/enlistments',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ gatekeeper: 'test', ...publishedKeys(), token }).toString(),
    });
    expect(status).toBe(200);
    return new Map(deployment.forms.at(-1)!.fields).get('authkey')!;
  } finally {
    requester.close();
  }
}

/** Logs an account in. Returns the keys that were shown to the gatekeeper, the accepted one last. */
async function logIn(deployment: PublishedDeployment, name: string): Promise<string[]> {
  const before = deployment.logins.length;
  const token = await tokenOf(deployment, name);
  const client = await connectChatClient({ endpoint: deployment.options.endpoint, token });
  client.destroy();
  const logins = deployment.logins.slice(before);
  expect(logins.at(-1)!.reason).toBeUndefined();
  return logins.map(({ staticKey }) => staticKey.toString('base64url'));
}

describe.each(httpVersions)('the secret of accounts enlisted over %s', (version) => {
  it('changes while the proxy runs', async () => {
    await using folder = await temporaryFolder();
    const first = randomBytes(32);
    const files = [
      await folder.writeBytes('current', first),
      await folder.writeBytes('previous', randomBytes(32)),
    ];
    await using deployment = await startPublishedDeployment({ chat: { accountSecretFiles: files } });
    const old = await enlist(deployment, version, 'old');
    expect(await logIn(deployment, 'old')).toEqual([old]);

    // The steps of docs/key-rotation.md.
    const second = randomBytes(32);
    await folder.writeBytes('previous', second);
    await folder.writeBytes('current', second);
    await folder.writeBytes('previous', first);
    const shown = await retried(20_000, async () => {
      const keys = await logIn(deployment, 'old');
      expect(keys).toHaveLength(2);
      return keys;
    });
    expect(shown[1]).toBe(old);
    await retried(20_000, async () => expect(await enlist(deployment, version, 'old')).toBe(shown[0]));
    expect(await logIn(deployment, 'old')).toEqual([shown[0]]);
    const added = await enlist(deployment, version, 'new');
    expect(await logIn(deployment, 'new')).toEqual([added]);
  });
});
