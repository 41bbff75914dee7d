/** `narthex init`: what it writes is valid as it stands, and it overwrites nothing by itself. */
import { mkdir, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { initialFiles } from '../../src/app/init/configuration.ts';
import { writeAll } from '../../src/app/init/write.ts';
import { folderWith } from '../config/folder.ts';
import { inProcess } from './in-process.ts';
import { narthex } from './narthex.ts';

/** Every file below a folder, by its relative path. */
async function contents(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name));
  const read = files.map(
    async (file) => [file.slice(folder.length + 1), await readFile(file, 'base64')] as const,
  );
  return Object.fromEntries(await Promise.all(read));
}

const mode = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8);

describe('narthex init', () => {
  it('writes a configuration that check accepts without a warning', async () => {
    const folder = await folderWith({});
    const made = await narthex(['init', '--dev-certificates'], { folder });
    expect([made.exit, made.stderr]).toEqual([0, '']);
    const { exit, stdout, stderr } = await narthex(['check'], { folder });
    expect([exit, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(
      /domain +chat\.example at gatekeeper main \(xmpp\.gatekeeper\.example:5222, starttls\)/,
    );
    expect(stdout).toMatch(/policy +balanced, pseudonyms by keyFiles/);
  });

  it('does what its options say', async () => {
    const folder = await folderWith({});
    const options = [
      '--domain',
      'münchen.example',
      '--gatekeeper',
      '[2001:db8::1]:7',
      '--gatekeeper-tls',
      'direct',
    ];
    const ports = ['--port', '1', '--tls-port', '2', '--admin-port', '3'];
    const made = await inProcess(['init', 'a/b', ...options, ...ports, '--dev-certificates'], { folder });
    expect([made.exit, made.stderr]).toEqual([0, '']);
    const { stdout, stderr } = await inProcess(['check', 'a/b/narthex.yaml'], { folder });
    expect(stderr).toBe('');
    for (const line of [
      'clients on [::]:1, starttls',
      'clients-direct on [::]:2, direct',
      'münchen.example at gatekeeper main ([2001:db8::1]:7, direct)',
      'for münchen.example, until',
      'http://127.0.0.1:3',
    ])
      expect(stdout).toContain(line);
  });

  it('prints the two commands that come next, and they run', async () => {
    const folder = await folderWith({});
    const { stdout } = await narthex(['init', 'proxy', '--dev-certificates'], { folder });
    const commands = [...stdout.matchAll(/^ {2}narthex (.+)$/gm)].map(([, command]) => command!);
    expect(commands).toEqual(['check proxy/narthex.yaml', 'serve proxy/narthex.yaml']);
    expect((await narthex(commands[0]!.split(' '), { folder })).exit).toBe(0);
  });

  it('says which files are to be brought where it makes no certificates', async () => {
    const folder = await folderWith({});
    const { stdout } = await inProcess(['init'], { folder });
    expect(stdout).toContain('First put your certificate and its key where narthex.yaml says');
    const { exit, stderr } = await inProcess(['check'], { folder });
    expect(exit).toBe(78);
    expect(stderr.match(/certificates\/tls\.crt does not exist|keys\/tls\.key does not exist/g)).toHaveLength(
      2,
    );
  });

  it('keeps secrets for their owner: files 0600 in a folder 0700, whatever the umask and whatever was there', async () => {
    const folder = await folderWith({});
    await mkdir(join(folder, 'keys'), { mode: 0o755 });
    await narthex(['init', '--dev-certificates'], { folder });
    const secrets = await readdir(join(folder, 'keys'));
    expect(secrets.toSorted()).toEqual(['pseudonyms', 'tls.key']);
    for (const name of secrets) expect(await mode(join(folder, 'keys', name))).toBe('600');
    expect(await mode(join(folder, 'keys'))).toBe('700');
    expect((await readFile(join(folder, 'keys/pseudonyms'))).length).toBe(32);
  });

  it('makes other secrets each time', async () => {
    const folder = await folderWith({});
    await inProcess(['init', 'a', '--dev-certificates'], { folder });
    await inProcess(['init', 'b', '--dev-certificates'], { folder });
    const [a, b] = [await contents(join(folder, 'a')), await contents(join(folder, 'b'))];
    const same = Object.keys(a).filter((path) => a[path] === b[path]);
    expect(same.toSorted()).toEqual([
      'capabilities/content-kinds.yaml',
      'capabilities/profiles/clients.yaml',
      'narthex.yaml',
    ]);
  });

  it('leaves nothing but what it lists', async () => {
    const folder = await folderWith({});
    const { stdout } = await inProcess(['init', '--dev-certificates'], { folder });
    const listed = stdout.slice(0, stdout.indexOf('\n\n')).split('\n').slice(1);
    expect(listed.map((line) => line.trim().split(' ')[0]!).toSorted()).toEqual(
      Object.keys(await contents(folder)).toSorted(),
    );
  });
});

describe('narthex init, where files are there already', () => {
  const all = ['init', '--dev-certificates'];
  const options = {
    domain: 'chat.example',
    gatekeeper: 'xmpp.gatekeeper.example:5222',
    gatekeeperTls: 'starttls',
    port: 5222,
    tlsPort: 5223,
    adminPort: 9090,
    devCertificates: true,
  } as const;

  it.each(initialFiles(options).map(({ path }) => path))(
    'writes nothing at all because of %s',
    async (path) => {
      const folder = await folderWith({});
      await mkdir(join(folder, path, '..'), { recursive: true });
      await writeFile(join(folder, path), 'mine');
      const refused = { code: 'ERR_INIT_EXISTS', message: `${join(folder, path)}: already there` };
      await expect(writeAll(folder, initialFiles(options), false)).rejects.toMatchObject(refused);
      expect(await contents(folder)).toEqual({ [path]: Buffer.from('mine').toString('base64') });
    },
  );

  it('says what to do about it', async () => {
    const folder = await folderWith({ 'narthex.yaml': 'mine' });
    const { exit, stdout, stderr } = await inProcess(all, { folder });
    expect([exit, stdout]).toEqual([73, '']);
    expect(stderr).toContain('narthex: error ERR_INIT_EXISTS: narthex.yaml: already there');
    expect(stderr).toContain('--force');
  });

  it('does not write through a symbolic link, not even one that leads nowhere', async () => {
    const folder = await folderWith({});
    await symlink('/elsewhere', join(folder, 'narthex.yaml'));
    expect((await inProcess(all, { folder })).exit).toBe(73);
    expect(await readdir(folder)).toEqual(['narthex.yaml']);
  });

  it('overwrites with --force: a link becomes a file, and a secret that all could read becomes 0600', async () => {
    const folder = await folderWith({ target: 'not to be touched' });
    await mkdir(join(folder, 'keys'));
    await writeFile(join(folder, 'keys/tls.key'), 'old', { mode: 0o644 });
    await symlink('target', join(folder, 'narthex.yaml'));
    const { exit, stderr } = await inProcess([...all, '--force'], { folder });
    expect([exit, stderr]).toEqual([0, '']);
    expect(await readFile(join(folder, 'target'), 'utf8')).toBe('not to be touched');
    expect(await mode(join(folder, 'keys/tls.key'))).toBe('600');
    expect((await inProcess(['check'], { folder })).exit).toBe(0);
  });

  it('does not take a folder for a file, with --force either', async () => {
    const folder = await folderWith({});
    await mkdir(join(folder, 'certificates/tls.crt'), { recursive: true });
    expect((await inProcess([...all, '--force'], { folder })).exit).toBe(73);
    expect(await contents(folder)).toEqual({});
  });

  it('says that it cannot write where a file stands in the way of a folder', async () => {
    const folder = await folderWith({ keys: 'a file' });
    const { exit, stderr } = await inProcess(all, { folder });
    expect(exit).toBe(73);
    expect(stderr).toContain('error ERR_INIT_WRITE: . cannot be written to (');
    await rm(join(folder, 'capabilities'), { recursive: true });
    expect(Object.keys(await contents(folder))).toEqual(['keys']);
  });
});

describe('narthex init, called wrongly', () => {
  it.each([
    [['--domain', 'Chat.example'], 'a domain name in lower case'],
    [['--domain', "a'b.example"], 'a domain name in lower case'],
    [['--gatekeeper', 'gatekeeper.example'], 'has no port'],
    [['--port', '70000'], 'A port is a number from 0 to 65535.'],
    [['--port', '5223'], 'two of the three ports are the same'],
  ])('%j is a mistake, and nothing is written', async (options, message) => {
    const folder = await folderWith({});
    const { exit, stderr } = await inProcess(['init', ...options], { folder });
    expect([exit, await readdir(folder)]).toEqual([64, []]);
    expect(stderr).toContain(message);
  });
});
