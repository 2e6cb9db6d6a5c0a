/** What the files of a record end in. */
export const EXTENSION = '.hft';

/** Name of the file with what a node hashes keys with, beside its record: where it is, a node records. */
export const KEY_FILE = 'key';

/** Name of a file whose first request is of that time, milliseconds since the epoch; `again` tells those of one time apart. */
export function fileName(firstMs: number, again = 0): string {
  const time = new Date(Math.floor(firstMs)).toISOString().replace(/[-:]/g, '');
  return `traffic-${time}${again === 0 ? '' : `-${again}`}${EXTENSION}`;
}

const NAME = /^traffic-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)\.(\d{3})Z(?:-\d+)?\.hft$/;

/** Time of the first request of a file, by its name; undefined for one that a node did not write. */
export function firstMsOf(name: string): number | undefined {
  const parts = NAME.exec(name)?.slice(1).map(Number);
  if (parts === undefined) return undefined;
  const [year, month, day, hour, minute, second, ms] = parts as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return Date.UTC(year, month - 1, day, hour, minute, second, ms);
}
