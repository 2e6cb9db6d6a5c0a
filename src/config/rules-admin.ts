import { type Finding, finding } from './issues.ts';
import type { Path } from './problem.ts';
import type { Checked } from './rules.ts';
import { isLoopback } from './values.ts';

/** What the options of the admin port must not be together. */
export function checkAdmin({ config }: Checked): Finding[] {
  const { admin } = config;
  const findings: Finding[] = [];
  const tell = (
    severity: Finding['severity'],
    path: Path,
    related: readonly Path[],
    reason: string,
    remedy: string,
  ): void => void findings.push(finding(severity, path, related, reason, remedy));
  const names = new Set<string>();
  const tokens = new Set<string>(admin.token === undefined ? [] : [admin.token]);
  for (const [index, { name, token }] of admin.tokens.entries()) {
    const path: Path = ['admin', 'tokens', index];
    if (names.has(name)) {
      const reason = `the name "${name}" is given twice, so the audit log could not tell them apart`;
      tell('error', [...path, 'name'], [['admin', 'tokens']], reason, 'give each token a name of its own');
    }
    if (tokens.has(token)) {
      const reason = 'this token is used twice, so it would not be clear who sent it';
      const related: Path[] = [
        ['admin', 'tokens'],
        ['admin', 'token'],
      ];
      tell('error', [...path, 'token'], related, reason, 'make one for each: openssl rand -hex 32');
    }
    names.add(name);
    tokens.add(token);
  }
  const tls: Path = ['admin', 'tls'];
  const { cert, key } = admin.tls;
  if ((cert === undefined) !== (key === undefined)) {
    const missing = cert === undefined ? 'cert' : 'key';
    tell(
      'error',
      tls,
      [],
      `${missing} is missing: a certificate and its key belong together`,
      `set ${missing}`,
    );
  }
  const { listen } = admin;
  if (!isLoopback(listen.host) && admin.allowRemote && cert === undefined) {
    const reason = 'tokens cross the network in the clear';
    const remedy = 'set admin.tls, unless the port is only reached through a tunnel or a proxy with TLS';
    tell('warning', ['admin', 'allowRemote'], [tls, ['admin', 'listen']], reason, remedy);
  }
  return findings;
}
