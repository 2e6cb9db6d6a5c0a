import type { ReloadReport } from '../server/reload.ts';
import { ADMIN_HELP, type AdminIo, adminCommand } from './admin-command.ts';
import { EXIT } from './io.ts';

const HELP = `holdfast reload: let a node read its configuration file again

  holdfast reload [--dry-run]

  --dry-run        only say what would change
${ADMIN_HELP}
A file with any mistake changes nothing. Exit codes: 0 reloaded, 1 refused, 2 unusable arguments.
`;

/** `holdfast reload`. */
export function reload(args: readonly string[], io: AdminIo): Promise<number> {
  const options = { 'dry-run': { type: 'boolean', default: false } } as const;
  return adminCommand({ name: 'reload', help: HELP, options }, args, io, async ({ values, client }) => {
    const body = { dryRun: values['dry-run'] };
    const report = (await client.change('POST', '/api/reload', body, { refusals: [422] })) as ReloadReport;
    io.out(values.json ? `${JSON.stringify(report)}\n` : textOf(report));
    return report.ok ? EXIT.ok : EXIT.refused;
  });
}

function textOf(report: ReloadReport): string {
  const lines: string[] = [];
  for (const { line, column, path, reason, remedy } of report.problems) {
    const place = line === 0 ? '' : `line ${line}:${column}  `;
    lines.push(`error: ${place}${path === '' ? '' : `${path}: `}${reason}`, `  Fix: ${remedy}`);
  }
  if (!report.ok) lines.push('Nothing was changed: the node goes on with the last good configuration.');
  else {
    const verb = report.dryRun ? 'would change' : 'changed';
    lines.push(`${verb}: ${report.changed.join(', ') || 'nothing'}`);
    if (report.needsRestart.length > 0) lines.push(`takes a restart: ${report.needsRestart.join(', ')}`);
    for (const note of report.notes) lines.push(`note: ${note}`);
    for (const { path, reason } of report.warnings) lines.push(`warning: ${path}: ${reason}`);
  }
  return `${lines.join('\n')}\n`;
}
