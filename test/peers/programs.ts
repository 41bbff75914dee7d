import { join } from 'node:path';
import type { Command } from './process.ts';

/**
 * Where Debian puts the programs of the real peers. Absolute, because a version manager's shims earlier in PATH would
 * not see Debian's libraries.
 */
export const programs = {
  prosody: '/usr/bin/prosody',
  /** Unpacked by `.ci/prosody-13`. */
  prosody13: '/opt/prosody-13/usr/bin/prosody',
  /** Community modules for it: a folder, no program. */
  prosody13Modules: '/opt/prosody-13/community',
  ejabberdctl: '/usr/sbin/ejabberdctl',
  erl: '/usr/bin/erl',
  python: '/usr/bin/python3',
  escript: '/usr/bin/escript',
  lua: '/usr/bin/lua5.4',
  chromium: '/usr/bin/chromium',
  goSendxmpp: '/usr/bin/go-sendxmpp',
  gcc: '/usr/bin/gcc',
  gpp: '/usr/bin/g++',
  dino: '/usr/bin/dino-im',
  mcabber: '/usr/bin/mcabber',
  poezio: '/usr/bin/poezio',
  profanity: '/usr/bin/profanity',
  sendxmpp: '/usr/bin/sendxmpp',
  xdotool: '/usr/bin/xdotool',
  xvfb: '/usr/bin/Xvfb',
  haproxy: '/usr/sbin/haproxy',
  nginx: '/usr/sbin/nginx',
  curl: '/usr/bin/curl',
  redisServer: '/usr/bin/redis-server',
  dockerCompose: '/usr/bin/docker-compose',
  promtool: '/usr/bin/promtool',
  systemdAnalyze: '/usr/bin/systemd-analyze',
  bash: '/usr/bin/bash',
  fish: '/usr/bin/fish',
  zsh: '/usr/bin/zsh',
  /** Unpacked by `.ci/kubernetes-tools`. */
  helm: '/opt/kubernetes-tools/helm',
  kubectl: '/opt/kubernetes-tools/kubectl',
  /** Test vectors of the Noise Protocol Framework: data, no program. */
  noiseVectors: '/usr/share/gocode/src/github.com/flynn/noise/vectors.txt',
} as const;

/** A client of slixmpp under `python/`. -B: nothing compiled is left next to it. */
export function pythonClient(file: string): Pick<Command, 'program' | 'args'> {
  return { program: programs.python, args: ['-B', join(import.meta.dirname, 'python', file)] };
}
