/** The views of a configuration. A view is of one gatekeeper, one policy, and the listeners between which nothing differs: its
 *  clients have the same policy, profiles and exceptions. */
import type { CapabilityProfile } from '../../capabilities/profile.ts';
import type { Config, GatekeeperConfig } from '../../config/schema.ts';
import { policySections } from '../../config/scopes.ts';
import type { Policy, PolicyException } from '../../policy/policy.ts';
import { placeText } from '../exposure.ts';

export interface ProfileFile {
  readonly profile: CapabilityProfile;
  readonly file: string;
}

/** Returns `file:1`. */
export function profileSource({ file }: Pick<ProfileFile, 'file'>): string {
  return placeText({ file, line: 1, column: 1 });
}

export interface PolicyDocument {
  readonly policy: Policy;
  /** SHA-256 of its files, in base64url. */
  readonly digest: string;
}

/** What the files that a configuration names say. */
export interface ConfiguredDocuments {
  /** Returns a policy by the name or file in the configuration. */
  policy(file: string): PolicyDocument;
  /** Returns the profiles of a gatekeeper's clients; none without the section `capabilities`. */
  profiles(gatekeeper: string): readonly ProfileFile[];
}

export interface View extends PolicyDocument {
  readonly gatekeeper: string;
  /** Position in `gatekeepers`. */
  readonly index: number;
  readonly domains: readonly string[];
  readonly listeners: readonly string[];
  /** Share of the accounts, in percent. */
  readonly percent: number;
  /** Profiles that one of the clients can be given. */
  readonly profiles: readonly ProfileFile[];
}

/** Returns the views by gatekeeper, policy and listener. */
export function viewsOf(config: Config, documents: ConfiguredDocuments): readonly View[] {
  return config.gatekeepers.flatMap((gatekeeper, index) => {
    const { section } = policySections(config).find(({ gatekeepers }) =>
      gatekeepers.includes(gatekeeper.name),
    )!;
    const { file, share = [] } = section;
    const rest = share.reduce((left, { percent }) => left - percent, 100);
    return [{ file, percent: rest }, ...share]
      .filter(({ percent }) => percent > 0)
      .flatMap((each) => viewsUnder(config, { gatekeeper, index, documents }, each));
  });
}

interface Scope {
  readonly gatekeeper: GatekeeperConfig;
  readonly index: number;
  readonly documents: ConfiguredDocuments;
}

function viewsUnder(
  { domains, listeners }: Config,
  { gatekeeper, index, documents }: Scope,
  { file, percent }: { readonly file: string; readonly percent: number },
): readonly View[] {
  const served = domains.filter((each) => each.gatekeeper === gatekeeper.name).map(({ domain }) => domain);
  const { policy, digest } = documents.policy(file);
  const all = documents.profiles(gatekeeper.name);
  const views = new Map<string, View & { readonly listeners: string[] }>();
  for (const { name } of listeners) {
    const profiles = all.filter((each) => canBeGiven(each.profile, { gatekeeper, served, listener: name }));
    const exceptions = policy.exceptions.filter((each) => canHold(each, gatekeeper.name, served, name));
    const key = JSON.stringify([
      profiles.map(({ file: of }) => of),
      exceptions.map((each) => policy.exceptions.indexOf(each)),
    ]);
    const known = views.get(key);
    if (known !== undefined) known.listeners.push(name);
    else
      views.set(key, {
        gatekeeper: gatekeeper.name,
        index,
        domains: served,
        listeners: [name],
        percent,
        policy: { ...policy, exceptions },
        digest,
        profiles,
      });
  }
  return [...views.values()];
}

function canBeGiven(
  { match }: CapabilityProfile,
  {
    gatekeeper,
    served,
    listener,
  }: { readonly gatekeeper: GatekeeperConfig; readonly served: readonly string[]; readonly listener: string },
): boolean {
  if (match === undefined) return true;
  if (match.listener !== undefined && match.listener !== listener) return false;
  if (match.domain !== undefined && !served.some((domain) => isSameDomain(domain, match.domain!)))
    return false;
  return match.claims.size === 0 || gatekeeper.channelBinding === 'reauthenticate';
}

/** Whether an exception can hold for one of the clients. */
function canHold(
  { when }: PolicyException,
  gatekeeper: string,
  served: readonly string[],
  listener: string,
): boolean {
  if (when.gatekeeper !== undefined && when.gatekeeper !== gatekeeper) return false;
  if (when.listener !== undefined && when.listener !== listener) return false;
  return (
    when.accountDomain === undefined || served.some((domain) => isSameDomain(domain, when.accountDomain!))
  );
}

function isSameDomain(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
