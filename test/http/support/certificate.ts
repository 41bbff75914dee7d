/** A certificate that signs itself, for one name, for a day; made by OpenSSL. */
import { execFileSync } from 'node:child_process';

export interface SelfSigned {
  readonly cert: string;
  readonly key: string;
}

export function selfSigned(name: string): SelfSigned {
  const options = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -keyout - -out -`;
  const names = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`];
  const pem = execFileSync('openssl', [...options.split(' '), ...names], { encoding: 'utf8', stdio: 'pipe' });
  const at = pem.indexOf('-----BEGIN CERTIFICATE-----');
  return { key: pem.slice(0, at), cert: pem.slice(at) };
}
