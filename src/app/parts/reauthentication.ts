/** Authentication of clients by ownership tokens, with the provider's verifier. */
import type { Config } from '../../config/schema.ts';
import type { OwnershipVerifier } from '../../http/tokens/ownership-proof.ts';
import { HttpProblem } from '../../http/problem.ts';
import { isTokenErrorCode } from '../../errors/token.ts';
import type { VerifyOwnership } from '../../session/authentication/ownership.ts';
import { reauthentication } from '../../session/authentication/reauthentication.ts';
import type { TokenAuthenticationOptions } from '../../session/authentication/token-exchange.ts';
import type { StageFactory } from '../../session/stage.ts';

/** Returns the stage where a gatekeeper requires it. The configuration was checked to have a provider then.
 *  @param authentication undefined without a provider */
export function reauthenticationStages(
  { gatekeepers }: Config,
  authentication: TokenAuthenticationOptions | undefined,
): readonly StageFactory[] {
  const wanted = gatekeepers.some(
    ({ protocol, channelBinding }) => protocol === 'xmpp' && channelBinding === 'reauthenticate',
  );
  return wanted && authentication !== undefined ? [reauthentication(authentication)] : [];
}

/** Returns how clients authenticate to the proxy by an ownership token. */
export function tokenAuthentication(
  { limits }: Pick<Config, 'limits'>,
  ownership: OwnershipVerifier,
  report: Pick<TokenAuthenticationOptions, 'concluded' | 'supportCode'>,
): TokenAuthenticationOptions {
  return { verify: verifyOwnership(ownership), attemptsMax: limits.authenticationAttemptsMax, ...report };
}

/** Returns a verifier without a nonce: a stream has no place for one, so the token may have any or none. */
function verifyOwnership(ownership: OwnershipVerifier): VerifyOwnership {
  return async (token) => {
    try {
      const { subject, claims } = await ownership.verify(token.reveal());
      return { kind: 'owned', subject, claims };
    } catch (error) {
      if (error instanceof HttpProblem && isTokenErrorCode(error.code))
        return { kind: 'refused', code: error.code };
      return { kind: 'unavailable' };
    }
  };
}
