import { numberOf } from './bytes.ts';
import { type Line, pointText } from './line.ts';
import { outcomeOf } from './words.ts';

/** What a field of a log can say, as `--fields` names it. */
export const FIELD_ROLES = [
  'time',
  'time_s',
  'time_ms',
  'time_us',
  'time_ns',
  'path',
  'key',
  'query',
  'host',
  'method',
  'status',
  'size',
  'cache',
  'origin_s',
  'origin_ms',
  'origin_us',
  'origin_ns',
  'type',
] as const;
export type FieldRole = (typeof FIELD_ROLES)[number];

/** Milliseconds of one unit, of the roles that are times. */
export const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, ms: 1, us: 1e-3, ns: 1e-6 };

/** Which fields of a log say what, where the operator has named them: columns by name, or by place from 1. */
export class FieldMap {
  readonly #byRole: ReadonlyMap<FieldRole, string>;
  readonly #byPlace = new Map<number, FieldRole>();
  readonly #seen = new Set<FieldRole>();

  constructor(byRole: ReadonlyMap<FieldRole, string> = new Map()) {
    this.#byRole = byRole;
    for (const [role, name] of byRole) {
      if (/^[1-9]\d{0,3}$/.test(name)) this.#byPlace.set(Number(name), role);
    }
  }

  get size(): number {
    return this.#byRole.size;
  }

  /** The name or place that was given for a role. */
  get(role: FieldRole): string | undefined {
    return this.#byRole.get(role);
  }

  /** Notes that a log has the field that was given for a role. */
  see(role: FieldRole): void {
    this.#seen.add(role);
  }

  /** What was given and is in no log that was read, as `role=name`. */
  unseen(): string[] {
    return [...this.#byRole]
      .filter(([role]) => !this.#seen.has(role))
      .map(([role, name]) => `${role}=${name}`);
  }

  /** The same fields, none of which has been seen: for a look at what a file could be. */
  unread(): FieldMap {
    return new FieldMap(this.#byRole);
  }

  roleAt(place: number): FieldRole | undefined {
    return this.#byPlace.get(place);
  }

  /** Takes a value into the line. One that makes no sense is as if it were not there. */
  apply(role: FieldRole, text: string, line: Line): void {
    if (text === '' || text === '-') return;
    if (role === 'cache') line.outcome = outcomeOf(text) ?? line.outcome;
    else if (role === 'host') pointText(line.host, text);
    else if (role === 'type') line.image = isImageType(text);
    else if (role === 'size') {
      const size = numberOf(text);
      if (size >= 0) line.sizeBytes = size;
    } else if (role.startsWith('origin_')) {
      // `0.003, 0.120`: nginx tried two servers; the whole time is their sum.
      const parts = text.split(/[,:]/).map(numberOf);
      const sum = parts.reduce((total, part) => total + Math.max(0, part), 0);
      if (parts.some((part) => part >= 0)) line.originMs = sum * UNIT_MS[role.slice(7)]!;
    }
  }
}

/** Whether a content type is that of an image. */
export function isImageType(type: string): boolean {
  return /^\s*image\//i.test(type);
}

/**
 * Reads `time=ts,path=url,cache=3`.
 *
 * @returns what is wrong with it, as a sentence without its end, where something is.
 */
export function parseFieldMap(text: string): FieldMap | string {
  const byRole = new Map<FieldRole, string>();
  for (const part of text.split(',')) {
    const equals = part.indexOf('=');
    const role = part.slice(0, Math.max(0, equals)).trim() as FieldRole;
    const name = part.slice(equals + 1).trim();
    if (equals < 1 || name === '') return `"${part}" is not like time=timestamp`;
    if (!FIELD_ROLES.includes(role))
      return `"${role}" is nothing that a field says; there are ${FIELD_ROLES.join(', ')}`;
    byRole.set(role, name);
  }
  return new FieldMap(byRole);
}
