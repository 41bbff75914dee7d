/** Host names that the gatekeeper has published. The tool calls none of them by itself; an operator who names one says by
 *  a flag that an agreement permits it. */

const publishedDomains = ['whatsapp.com', 'whatsapp.net'];

/** Returns the first of these hosts that belongs to a published domain; undefined for none. */
export function publishedHost(hosts: readonly string[]): string | undefined {
  return hosts.find((host) => {
    const name = host.toLowerCase().replace(/\.$/, '');
    return publishedDomains.some((domain) => name === domain || name.endsWith(`.${domain}`));
  });
}
