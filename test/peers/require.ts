/**
 * The real servers and clients that tests here run against, and what to do where one is not installed: the tests
 * that need it are skipped and say so, unless NARTHEX_PEERS=required, when its absence is a failure.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { programs } from './programs.ts';

interface Requirement {
  /** The Debian packages that provide it. */
  readonly packages: readonly string[];
  /** A script of `.ci/` that provides what no package does. */
  readonly script?: string;
  /** Answers without starting anything that stays: `prosody --version`, for one, starts the server. */
  readonly present: () => boolean;
}

const requirements = {
  prosody: { packages: ['prosody'], present: () => existsSync(programs.prosody) },
  'prosody-13': {
    packages: ['prosody'],
    script: '.ci/prosody-13',
    present: () =>
      existsSync(programs.prosody) && existsSync(programs.prosody13) && existsSync(programs.prosody13Modules),
  },
  ejabberd: { packages: ['ejabberd'], present: () => existsSync(programs.ejabberdctl) },
  slixmpp: {
    packages: ['python3-slixmpp', 'python3-aiohttp'],
    present: () => hasPythonModules('slixmpp', 'aiohttp'),
  },
  aioxmpp: {
    packages: ['python3-aioxmpp'],
    present: () => hasPythonModules('aioxmpp'),
  },
  nbxmpp: {
    packages: ['python3-nbxmpp', 'gir1.2-soup-3.0', 'glib-networking'],
    present: () => succeeds(programs.python, '-c', 'import nbxmpp.client'),
  },
  'go-sendxmpp': { packages: ['go-sendxmpp'], present: () => existsSync(programs.goSendxmpp) },
  haproxy: { packages: ['haproxy'], present: () => existsSync(programs.haproxy) },
  nginx: { packages: ['nginx'], present: () => existsSync(programs.nginx) },
  curl: { packages: ['curl'], present: () => existsSync(programs.curl) },
  redis: { packages: ['redis-server'], present: () => existsSync(programs.redisServer) },
  'docker-compose': { packages: ['docker-compose'], present: () => existsSync(programs.dockerCompose) },
  promtool: { packages: ['prometheus'], present: () => existsSync(programs.promtool) },
  'systemd-analyze': { packages: ['systemd'], present: () => existsSync(programs.systemdAnalyze) },
  'helm and kubectl': {
    packages: ['python3'],
    script: '.ci/kubernetes-tools',
    present: () => existsSync(programs.helm) && existsSync(programs.kubectl),
  },
  'noise-vectors': {
    packages: ['golang-github-flynn-noise-dev'],
    present: () => existsSync(programs.noiseVectors),
  },
  'openssl headers': {
    packages: ['libssl-dev', 'gcc', 'libc6-dev'],
    present: () => existsSync('/usr/include/openssl/ssl.h') && existsSync(programs.gcc),
  },
  libstrophe: {
    packages: ['libstrophe-dev', 'gcc', 'libc6-dev'],
    present: () => existsSync('/usr/include/strophe.h') && existsSync(programs.gcc),
  },
  gloox: {
    packages: ['libgloox-dev', 'g++', 'libc6-dev'],
    present: () => existsSync('/usr/include/gloox/client.h') && existsSync(programs.gpp),
  },
  dino: {
    packages: [
      'ca-certificates',
      'dbus-daemon',
      'dino-im',
      'libglib2.0-bin',
      'python3',
      'util-linux',
      'xdotool',
      'xvfb',
    ],
    present: () => [programs.dino, programs.xvfb, programs.xdotool].every((program) => existsSync(program)),
  },
  mcabber: {
    packages: ['mcabber', 'python3'],
    present: () => existsSync(programs.mcabber) && existsSync(programs.python),
  },
  poezio: { packages: ['poezio'], present: () => existsSync(programs.poezio) },
  profanity: {
    packages: ['profanity', 'python3'],
    present: () => existsSync(programs.profanity) && existsSync(programs.python),
  },
  sendxmpp: { packages: ['sendxmpp'], present: () => existsSync(programs.sendxmpp) },
  'erlang-p1-xml': {
    packages: ['erlang-p1-xml'],
    present: () => existsSync(programs.escript) && existsSync('/usr/share/doc/erlang-p1-xml'),
  },
  'lua-expat': {
    packages: ['lua-expat', 'lua5.4'],
    present: () => succeeds(programs.lua, '-e', 'require "lxp"'),
  },
  python: { packages: ['python3'], present: () => existsSync(programs.python) },
  chromium: { packages: ['chromium'], present: () => existsSync(programs.chromium) },
  bash: { packages: ['bash'], present: () => existsSync(programs.bash) },
  fish: { packages: ['fish'], present: () => existsSync(programs.fish) },
  zsh: { packages: ['zsh'], present: () => existsSync(programs.zsh) },
} as const satisfies Record<string, Requirement>;

export type PeerName = keyof typeof requirements;

export type Presence = { readonly kind: 'present' } | { readonly kind: 'missing'; readonly reason: string };

const known = new Map<PeerName, Presence>();

/** Whether a peer is installed, and in words what to do if not. Looks once. */
function peer(name: PeerName): Presence {
  const presence = known.get(name) ?? look(name);
  known.set(name, presence);
  return presence;
}

function look(name: PeerName): Presence {
  const { packages, script, present }: Requirement = requirements[name];
  if (present()) return { kind: 'present' };
  const install = [`apt-get install ${packages.join(' ')}`, ...(script === undefined ? [] : [script])];
  return { kind: 'missing', reason: `${name} is not installed (${install.join('; ')})` };
}

/** Every Debian package that the peers need, sorted. */
export function peerPackages(): string[] {
  return [...new Set(Object.values(requirements).flatMap(({ packages }) => packages))].sort();
}

/** Every script of `.ci/` that the peers need, sorted. */
export function peerScripts(): string[] {
  return Object.values<Requirement>(requirements)
    .flatMap(({ script }) => (script === undefined ? [] : [script]))
    .sort();
}

/** Whether a missing peer is a failure, as it is in continuous integration. */
export function peersRequired(environment: NodeJS.ProcessEnv = process.env): boolean {
  return environment['NARTHEX_PEERS'] === 'required';
}

/** Whether tests that need `names` run, are skipped, or fail. */
export type Outcome =
  | { readonly kind: 'run' }
  | { readonly kind: 'skip'; readonly notice: string }
  | { readonly kind: 'fail'; readonly reason: string };

export function outcome(presences: readonly Presence[], required: boolean): Outcome {
  const reasons = presences.flatMap((presence) => (presence.kind === 'missing' ? [presence.reason] : []));
  if (reasons.length === 0) return { kind: 'run' };
  const reason = reasons.join('; ');
  return required ? { kind: 'fail', reason } : { kind: 'skip', notice: `skipped: ${reason}` };
}

/** A `describe` whose tests need every one of `names`. */
export function describeWithPeers(
  names: readonly PeerName[],
  title: string,
  tests: () => void,
  options: { readonly concurrent?: boolean } = {},
): void {
  const result = outcome(names.map(peer), peersRequired());
  if (result.kind === 'run') {
    describe(title, options, tests);
    return;
  }
  if (result.kind === 'skip') console.warn(`${title} ${result.notice}`);
  describe(title, () => {
    if (result.kind === 'skip') it.skip(result.notice);
    else it('has its peers', () => expect.fail(result.reason));
  });
}

/** Whether Debian's Python has these. To import them takes a second. */
function hasPythonModules(...names: readonly string[]): boolean {
  const found = names.every((name) => existsSync(join('/usr/lib/python3/dist-packages', name)));
  return found && existsSync(programs.python);
}

function succeeds(command: string, ...args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore', timeout: 20_000 }).status === 0;
}
