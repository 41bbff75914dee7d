/** The parsers that what is forwarded is held against: those of servers and clients in use. */
import { join } from 'node:path';
import { programs } from '../peers/programs.ts';
import type { PeerName } from '../peers/require.ts';
import { startChromium } from './chromium.ts';
import { startProcessOracle, type Oracle } from './oracle.ts';

/** What has to be installed for them; ltx and libxml2 come from npm. */
export const oraclePeers: readonly PeerName[] = ['erlang-p1-xml', 'lua-expat', 'python', 'chromium'];

const inFolder = (file: string): string => join(import.meta.dirname, file);

/** Starts all of them: fast_xml as ejabberd uses it, lua-expat as Prosody does, Python's expat as slixmpp does, ltx as
 *  @xmpp/xml does, libxml2, and Chromium's DOMParser. */
export async function startOracles(): Promise<Oracle[]> {
  const javascript = (file: string): readonly string[] => [inFolder(`javascript/${file}`)];
  return [
    startProcessOracle({ name: 'fast_xml', program: programs.escript, args: [inFolder('erlang/fast_xml.escript')] }),
    startProcessOracle({ name: 'lua-expat', program: programs.lua, args: [inFolder('lua/lxp.lua')] }),
    startProcessOracle({ name: 'python-expat', program: programs.python, args: ['-B', inFolder('python/expat.py')] }),
    startProcessOracle({ name: 'ltx', program: process.execPath, args: javascript('ltx.mjs') }),
    startProcessOracle({ name: 'libxml2', program: process.execPath, args: javascript('libxml2.mjs') }),
    await startChromium(),
  ]; // prettier-ignore
}
