/** The path by which an encrypted message names a file of another provider, as the published framework has it: the
 *  number of the integrator, and the reference that its provider gave to the file. */

const form = /^\/interop\/whatsapp\/download\/(\d{1,10})\/([\w.~-]{1,4096})\/$/;

/** Returns the path that a client writes inside its message. */
export function downloadPath(integrator: number, reference: string): string {
  return `/interop/whatsapp/download/${integrator}/${reference}/`;
}

/** Returns the parts of a path; undefined for any other text. */
export function readDownloadPath(
  path: string,
): { readonly integrator: number; readonly reference: string } | undefined {
  const [, integrator, reference] = form.exec(path) ?? [];
  return reference === undefined ? undefined : { integrator: Number(integrator), reference };
}
