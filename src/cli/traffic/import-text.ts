import { formatCount } from '../../base/units.ts';
import type { UnreadableReason } from '../../traffic/import/line.ts';
import type { ImportReport, LeftOutReason } from '../../traffic/import/report.ts';
import { shown } from '../arguments.ts';

const UNREADABLE: Readonly<Record<UnreadableReason, string>> = {
  format: 'not a line of this format',
  time: 'its time makes no sense, or is no day of the calendar',
  date: 'its time is before 1990, or more than a day from now',
  request: 'there is no request in it',
  path: 'its path is one that no server should take',
  status: 'its status is no number from 100 to 599',
  size: 'its size is no number',
  long: 'longer than 256 KiB',
  cut: 'the file ends in the middle of it',
};

const LEFT_OUT: Readonly<Record<LeftOutReason, string>> = {
  method: 'neither GET nor HEAD',
  image: 'no image',
  route: 'no route of the configuration serves it',
};

/** Most files that are named one by one. */
const FILES_SHOWN = 10;

/** What became of the logs, in lines. */
export function reportText(report: ImportReport): string {
  const { files, lines, rows, lateRows, sizesGuessed, sizesUnknown, sizesCut, served, troubles } = report;
  const count = (number: number, what: string): string => `${formatCount(number).padStart(13)}  ${what}`;
  const told = files.slice(0, FILES_SHOWN).map(({ name, format, packed }) => {
    return `${name}: ${format}${packed === 'none' ? '' : `, ${packed}`}`;
  });
  if (files.length > FILES_SHOWN) told.push(`and ${formatCount(files.length - FILES_SHOWN)} more`);
  told.push(...troubles);
  told.push(count(lines, lines === 1 ? 'line' : 'lines'), count(rows, 'requests in the record'));
  for (const [reason, number] of Object.entries(report.leftOut) as [LeftOutReason, number][])
    if (number > 0) told.push(count(number, `left out: ${LEFT_OUT[reason]}`));
  for (const [reason, { count: number, file, line, text }] of report.unreadable) {
    told.push(
      count(number, `unreadable: ${UNREADABLE[reason]}; first in ${file}, line ${formatCount(line)}`),
    );
    if (text !== '') told.push(`${' '.repeat(15)}${text}`);
  }
  if (lateRows > 0)
    told.push(
      count(lateRows, 'stood more than 5 minutes too late in the log, and have the time of those before'),
    );
  if (sizesGuessed > 0)
    told.push(count(sizesGuessed, 'have the size that was known of their key: 206, 304, HEAD'));
  if (sizesUnknown > 0) told.push(count(sizesUnknown, 'have no size: nothing in the log says it'));
  if (sizesCut > 0) told.push(count(sizesCut, 'are larger than 4 GiB, and have that size'));
  if (rows > 0 && served === 0)
    told.push('               The log does not say what was a hit: all are taken as misses.');
  return `${told.map(shown).join('\n')}\n`;
}
