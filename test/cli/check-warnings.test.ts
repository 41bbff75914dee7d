/** Warnings of `narthex check`: what they are, and how a pipeline fails because of them. */
import { describe, expect, it } from 'vitest';
import { issue } from '../config/certificate.ts';
import { folderWith, minimal } from '../config/folder.ts';
import { inProcess } from './in-process.ts';

const { cert, key } = issue(['chat.example']);
const pair = { 'tls.crt': cert, 'tls.key': key };

async function check(config: string, files: Record<string, string> = {}, args: readonly string[] = []) {
  const folder = await folderWith({ ...pair, ...files, 'narthex.yaml': minimal + config });
  const { exit, stderr } = await inProcess(['check', ...args], { folder });
  return { exit, stderr: stderr.replaceAll(`${folder}/`, '') };
}

describe('an admin port on every address', () => {
  it.each(['::', '0.0.0.0'])('%s is warned of', async (host) => {
    const { exit, stderr } = await check(`admin:\n  host: '${host}'\n`);
    expect(exit).toBe(0);
    expect(stderr).toContain(
      `narthex.yaml:19:9: warning ERR_CONFIG_ADMIN_OPEN: \`admin.host\` is \`${host}\`: probes and metrics, which ask for no password, answer on every address`,
    );
  });

  it.each(['127.0.0.1', '::1', '192.0.2.1', '10.0.0.1'])('%s is not', async (host) => {
    expect(await check(`admin: { host: '${host}' }\n`)).toEqual({ exit: 0, stderr: '' });
  });
});

describe('a policy with warnings', () => {
  const policy = `apiVersion: narthex/v1
kind: MetadataPolicy
metadata: { name: house }
spec:
  extends: balanced
  audiences: { gatekeeper: { presence.priority: drop } }
`;

  it('is warned of with the place in the policy', async () => {
    const { exit, stderr } = await check('policy: { file: ./house.yaml }\n', { 'house.yaml': policy });
    expect(exit).toBe(0);
    expect(stderr).toContain(
      'house.yaml:6:30: warning ERR_CONFIG_POLICY: WARN_POLICY_BREAKS presence.priority: drop breaks: which device receives messages to the bare JID',
    );
  });

  it('is accepted where it accepts them', async () => {
    const accepts =
      '  accepts: [{ code: WARN_POLICY_BREAKS, field: presence.priority, audience: gatekeeper, why: meant }]\n';
    const found = await check('policy: { file: ./house.yaml }\n', { 'house.yaml': policy + accepts });
    expect(found).toEqual({ exit: 0, stderr: '' });
  });

  it('fails with --fail-on warning, for both commands', async () => {
    const files = { 'house.yaml': policy };
    expect((await check('policy: { file: ./house.yaml }\n', files, ['--fail-on', 'warning'])).exit).toBe(1);
    const folder = await folderWith(files);
    const args = ['policy', 'check', './house.yaml'];
    expect((await inProcess(args, { folder })).exit).toBe(0);
    expect((await inProcess([...args, '--fail-on', 'warning'], { folder })).exit).toBe(1);
  });

  it('does not fail without one', async () => {
    expect((await check('', {}, ['--fail-on', 'warning'])).exit).toBe(0);
    const shipped = ['passthrough', 'balanced', 'strict'];
    expect((await inProcess(['policy', 'check', ...shipped, '--fail-on', 'warning'])).exit).toBe(0);
  });

  it('an error is still an error', async () => {
    expect((await check('limits: { depthMax: 1 }\n', {}, ['--fail-on', 'warning'])).exit).toBe(78);
  });
});
