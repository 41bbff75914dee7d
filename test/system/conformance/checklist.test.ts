import { describe, expect, it } from 'vitest';
import { milestones, rows, runChecklist } from '../../../src/conformance/checklist.ts';
import type { RowResult } from '../../../src/conformance/row.ts';
import { ChatUsers } from '../../../src/simulator/chat/users.ts';
import { answer } from '../../../src/simulator/http/message.ts';
import { narthex } from '../../cli/narthex.ts';
import { folderWith } from '../../config/folder.ts';
import { startPublishedDeployment, type Faults } from '../../support/published-deployment.ts';

async function check(faults: Faults = {}, timeoutMs = 10_000): Promise<readonly RowResult[]> {
  await using deployment = await startPublishedDeployment(faults);
  // The deployment ends with this function.
  return await runChecklist({ ...deployment.options, timeoutMs });
}

/** Users who stay enlisted whatever they ask. */
class LastingUsers extends ChatUsers {
  override withdraw(): boolean {
    return false;
  }
}

const without =
  (pattern: RegExp, from: 'sent' | 'received' = 'sent'): NonNullable<Faults['stream']> =>
  (direction, text) =>
    direction === from ? text.replaceAll(pattern, '') : text;
const ok = answer(200, { status: 'ok', login: '7-1@interop' });

describe('the checklist', () => {
  it('has rows of all six milestones, in their order', () => {
    expect(rows.map(({ milestone }) => milestone)).toEqual(
      rows.map(({ milestone }) => milestone).toSorted((a, b) => a - b),
    );
    expect(new Set(rows.map(({ milestone }) => milestone)).size).toBe(milestones.length);
    expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length);
  });

  it('is green against the composed proxy', async () => {
    const results = await check();
    expect(results.filter(({ outcome }) => outcome !== 'pass')).toEqual([]);
    expect(results).toHaveLength(rows.length);
  });

  it('is printed by `narthex conformance`', async () => {
    await using deployment = await startPublishedDeployment();
    const { options, ca } = deployment;
    const folder = await folderWith({ token: options.token(), 'ca.pem': ca });
    const { host, port, domain } = options.endpoint;
    const { exit, stdout, stderr } = await narthex(
      [
        ['conformance', '--http', options.http, '--stream', `${host}:${port}`, '--domain', domain],
        ['--gatekeeper', options.gatekeeper, '--token-file', 'token', '--ca-file', 'ca.pem'],
        ['--peer', options.peer, '--media', options.media!],
      ].flat(),
      { folder },
    );
    expect([exit, stderr]).toEqual([0, '']);
    for (const [index, name] of milestones.entries()) expect(stdout).toContain(`${index + 1}. ${name}\n`);
    expect(stdout.match(/^ {3}pass {4}/gm)).toHaveLength(rows.length);
    expect(stdout).not.toMatch(/juliet|eyJ/);
  });

  it('skips the row of a stored file that was not named', async () => {
    await using deployment = await startPublishedDeployment();
    const results = await runChecklist({ ...deployment.options, media: undefined });
    const others = results.filter(({ outcome }) => outcome !== 'pass');
    expect(others.map(({ id, outcome }) => `${id} ${outcome}`)).toEqual(['media skipped']);
  });

  it.concurrent.each<[row: string, why: RegExp, faults: Faults]>([
    ['keys', /answered with 404/, { http: ({ target }, given) => (target.endsWith('/openid/jwks') ? answer(404) : given) }],
    ['token', /more than 4096 bytes/, { claims: { filler: 'x'.repeat(4_000) } }],
    ['enlist', /502, ERR_ENLISTMENT_INTEGRATOR/, { refusal: 'bad_integrator' }],
    ['enlist-forged', /answered with 200, not with 401/, { http: (_, given) => (given.status === 401 ? ok : given) }],
    ['enlist-key', /answered with 200, not with 400/, { http: (_, given) => (given.status === 400 ? ok : given) }],
    ['login', /the stream ended or cannot be read: [a-z-]+$/, { chat: { rootKey: 'ab'.repeat(32) } }],
    ['ping', /answer to the ping did not come/, { stream: without(/<iq [^>]*w:p[^>]*>/g) }],
    ['message-out', /acknowledgement of the message did not come/, { stream: without(/<message .*<\/message>/g) }],
    ['message-in', /the peer's message did not come/, { habits: { answers: false } }],
    ['media', /answered with 404/, { stored: false }],
    ['delivery-receipt', /delivery receipt did not come/, { stream: without(/<receipt (?![^>]*type=)[^>]*\/>/g, 'received') }],
    ['read-receipt', /read receipt did not come/, { habits: { reads: false } }],
    ['typing', /typing indicator did not come/, { habits: { types: false } }],
    ['block', /answer to the change of the block list did not come/, { stream: without(/<iq [^>]*blocklist.*<\/iq>/g) }],
    ['delete', /answer to the request for deletion did not come/, { stream: without(/<iq [^>]*'md'.*<\/iq>/g) }],
    ['deleted', /a client that was deleted logs in/, { users: new LastingUsers(7) }],
    ['reachability', /answer to the query did not come/, { stream: without(/<iq [^>]*usync.*<\/iq>/g) }],
  ])('is red in the row %s, and says %s', async (row, why, faults) => {
    const results = await check(faults, 4_000);
    const failed = results.filter(({ outcome }) => outcome === 'fail');
    expect(failed.map(({ id }) => id)).toEqual([row]);
    expect(failed[0]!.why).toMatch(why);
    expect(JSON.stringify(results)).not.toMatch(/juliet|eyJ/);
  }); // prettier-ignore
});
