import { validateConfig } from '../../src/config/validate.ts';
import { formatHttpDate } from '../../src/http/date.ts';
import type { Node } from '../../src/server/node.ts';
import { startTestNode } from '../support/node.ts';
import { realClock } from '../support/real-clock.ts';
import type { Case, OriginSays, Step } from './case.ts';
import { exchange, type Message, startOrigin } from './wire.ts';

/**
 * Runs cases against a node with the default configuration, over sockets. Its clock is the machine's and is set forward
 * where a case lets time pass, so nothing waits.
 */
export class Conformance {
  readonly node: Node;
  /** What the node reports as faults of its own. */
  readonly faults: string[] = [];
  readonly #origin: { port: number; stop: () => void };
  #skewMs = 0;
  #says: OriginSays = {};
  #contentType = '';
  #bodyOfStep = '';
  #asked: Message[] = [];
  #runs = 0;

  constructor() {
    this.#origin = startOrigin((request) => this.#answer(request));
    const text = [
      'version: 1',
      'server: { listen: "127.0.0.1:0" }',
      'admin: { listen: "127.0.0.1:0" }',
      `origins: { o: { type: http, url: "http://127.0.0.1:${this.#origin.port}" } }`,
      'routes: [ { name: r, origin: o } ]',
    ].join('\n');
    const config = validateConfig(text, { file: 'conformance.yaml', env: {} });
    if (!config.ok) throw new Error(JSON.stringify(config.problems));
    const clock = {
      ...realClock,
      nowMs: () => realClock.nowMs() + this.#skewMs,
      monotonicMs: () => realClock.monotonicMs() + this.#skewMs,
    };
    this.node = startTestNode(config.config, this.faults, { clock });
  }

  async stop(): Promise<void> {
    await this.node.stop(0);
    this.#origin.stop();
  }

  /** What went otherwise than the case says; empty when nothing did. */
  async run(one: Case, contentType: string): Promise<string[]> {
    this.#runs += 1;
    this.#contentType = contentType;
    const path = `/${one.id}/${this.#runs}`;
    const wrong: string[] = [];
    for (const [index, step] of one.steps.entries()) {
      this.#skewMs += (step.waitS ?? 0) * 1000;
      this.#says = step.origin ?? {};
      this.#bodyOfStep = this.#says.body ?? String(index + 1);
      this.#asked = [];
      const answer = await exchange(Number(new URL(this.node.url).port), this.#request(path, step));
      await this.#settled();
      const found = judge(step, answer, this.#asked);
      wrong.push(...found.map((what) => `step ${index + 1}: ${what} (${answer.fields.get('cache-status')})`));
    }
    return wrong;
  }

  /** A renewal behind the client's back belongs to its step. */
  async #settled(): Promise<void> {
    while (this.node.snapshot().origins.some((origin) => origin.active > 0)) await Bun.sleep(1);
  }

  #request(path: string, { method = 'GET', path: rest = '', send = {} }: Step): string {
    const lines = Object.entries(send).map(([name, value]) => `${name}: ${this.#dated(value)}\r\n`);
    const body = ['POST', 'PUT', 'PATCH'].includes(method) ? 'abc' : '';
    const length = body === '' ? '' : `Content-Length: ${body.length}\r\n`;
    return `${method} ${path}${rest} HTTP/1.1\r\nHost: img.example\r\nConnection: close\r\n${lines.join('')}${length}\r\n${body}`;
  }

  #answer(request: Message): string | undefined {
    this.#asked.push(request);
    const { status = 200, fields = [], interim = [], breaks } = this.#says;
    if (breaks === 'at-once') return undefined;
    const names = new Set(fields.map(([name]) => name.toLowerCase()));
    const bodiless = status === 204 || status === 304;
    const lines = fields.map(([name, value]) => `${name}: ${this.#dated(value)}\r\n`);
    if (!names.has('content-type') && !bodiless) lines.push(`Content-Type: ${this.#contentType}\r\n`);
    if (!bodiless)
      lines.push(`Content-Length: ${this.#bodyOfStep.length + (breaks === 'in-body' ? 100 : 0)}\r\n`);
    const before = interim.map((code) => `HTTP/1.1 ${code} Interim\r\nLink: </a>\r\n\r\n`).join('');
    return `${before}HTTP/1.1 ${status} Status\r\n${lines.join('')}\r\n${bodiless ? '' : this.#bodyOfStep}`;
  }

  #dated(value: string): string {
    const nowS = Math.floor((realClock.nowMs() + this.#skewMs) / 1000);
    return value.replace(/\{date:(-?\d+)\}/g, (_, s) => formatHttpDate(nowS + Number(s)));
  }
}

function judge(step: Step, answer: Message, asked: readonly Message[]): string[] {
  const wrong: string[] = [];
  if (asked.length > 0 !== step.asks)
    wrong.push(step.asks ? 'the origin was not asked' : 'the origin was asked');
  const status = step.status ?? step.origin?.status ?? 200;
  const answered = step.status === undefined && step.origin?.status === 304 ? 200 : status;
  if (answer.status !== answered) wrong.push(`status ${answer.status}, not ${answered}`);
  if (step.body !== undefined && answer.body !== step.body)
    wrong.push(`body ${JSON.stringify(answer.body)}, not ${step.body}`);
  wrong.push(...compare('answer', step.fields, answer), ...compare('request', step.asked, asked[0]));
  return wrong;
}

function compare(where: string, wanted: Step['fields'] = {}, message: Message | undefined): string[] {
  return Object.entries(wanted).flatMap(([name, want]) => {
    const value = message?.fields.get(name);
    const right =
      want === null
        ? value === undefined
        : typeof want === 'string'
          ? value === want
          : want.test(value ?? '');
    return right ? [] : [`${name} of the ${where} is ${JSON.stringify(value)}, not ${want}`];
  });
}
