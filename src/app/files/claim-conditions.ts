/** Checks the conditions on claims in capability profiles. Claims come from tokens that the proxy verifies, and only
 *  those listed in the section `provider` are read. A condition that can never hold is an error. */
import type { CapabilityProfile } from '../../capabilities/profile.ts';
import type { Locate } from '../../capabilities/document.ts';
import type { PlacedDiagnostic } from '../../documents/diagnostic.ts';
import type { Config } from '../../config/schema.ts';

/** The sources of claims. */
export interface ClaimSources {
  /** Names of claims that are read. */
  readonly allowed: readonly string[];
  /** Served domains, each with whether its clients authenticate to the proxy by a token. */
  readonly domains: readonly { readonly domain: string; readonly hasClaims: boolean }[];
}

/** @param concerned the gatekeepers whose clients the profiles are for */
export function claimSources(
  { domains, gatekeepers, provider }: Config,
  concerned: readonly string[],
): ClaimSources {
  const reauthenticating = new Set(
    gatekeepers.filter(({ channelBinding }) => channelBinding === 'reauthenticate').map(({ name }) => name),
  );
  return {
    allowed: provider?.claims.allowed ?? [],
    domains: domains
      .filter(({ gatekeeper }) => concerned.includes(gatekeeper))
      .map(({ domain, gatekeeper }) => ({
        domain: domain.toLowerCase(),
        hasClaims: reauthenticating.has(gatekeeper),
      })),
  };
}

const claimRemedy =
  "Set the gatekeeper's `channelBinding: reauthenticate` and list the claim in `provider.claims.allowed`, or leave `claim` out of the profile";

/** Returns the problems of the claims in a profile's conditions. */
export function claimProblems(
  { match }: CapabilityProfile,
  at: Locate,
  sources: ClaimSources,
): PlacedDiagnostic[] {
  if (match === undefined || match.claims.size === 0) return [];
  const code = 'ERR_PROFILE_CLAIM';
  const concerned = domainsOf(match, sources);
  if (!concerned.some(({ hasClaims }) => hasClaims)) {
    const reason =
      `no session ${match.domain === undefined ? '' : `of \`${match.domain}\` `}has claims: ` +
      'they take a gatekeeper with `channelBinding: reauthenticate`';
    return [at(['match', 'claim'], { code, reason, remedy: claimRemedy }, true)];
  }
  return [...match.claims.keys()]
    .filter((name) => !sources.allowed.includes(name))
    .map((name) =>
      at(
        ['match', 'claim', name],
        {
          code,
          reason: `claim \`${name}\` is not in \`provider.claims.allowed\`, and so is never read`,
          remedy: claimRemedy,
        },
        true,
      ),
    );
}

/** Returns domains for whose clients the profile would be, if they had claims. */
export function domainsWithoutClaims({ match }: CapabilityProfile, sources: ClaimSources): string[] {
  if (match === undefined || match.claims.size === 0) return [];
  return domainsOf(match, sources)
    .filter(({ hasClaims }) => !hasClaims)
    .map(({ domain }) => domain);
}

function domainsOf({ domain: wanted }: { readonly domain?: string }, { domains }: ClaimSources) {
  return domains.filter(({ domain }) => wanted === undefined || domain === wanted);
}
