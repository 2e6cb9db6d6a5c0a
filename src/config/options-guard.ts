import { z } from 'zod';
import { flag, group, integer, META, type Refusal, text, timeout } from './table.ts';

/** The option table, fourth part: what protects an origin. Options of every origin that is reached over a network. */

const statuses = (about: string) =>
  z.array(z.int().min(400).max(599)).max(64).register(META, {
    kind: 'list',
    about,
    expects: 'a list of HTTP statuses from 400 to 599',
    effect: 'live',
  });

const queue = group('Where requests wait while as many exchanges as may be are under way.', {
  max: integer({
    about:
      'Most requests that wait; the next one fails at once. Renewals in the background lose their room first.',
    effect: 'live',
    min: 0,
    max: 65_536,
  }).prefault(1024),
  timeout: timeout({
    about: 'Longest wait. A queue without end makes everybody late instead of a few.',
    effect: 'live',
    min: '10ms',
    max: '10m',
  }).prefault('10s'),
});

const retry = group('Second tries, where they are safe: GET and HEAD of which nothing has arrived.', {
  max: integer({
    about: 'Most second tries of one request at this origin, after a connection that failed. 0: none.',
    effect: 'live',
    min: 0,
    max: 3,
  }).prefault(1),
  budget: integer({
    about:
      'Second tries and hedges for 100 requests, beside a reserve of 10. It keeps them from multiplying the load of an origin that is failing.',
    effect: 'live',
    min: 1,
    max: 50,
  }).prefault(10),
  status: statuses(
    'Answers after which the next origin of the route is asked. The same one is not: it has answered, and asking again would add to its load.',
  ).prefault([502, 503, 504]),
});

const breaker = group(
  'When the origin fails too often, it is left alone for a moment: stale images are served at once, and nobody waits for a timeout. Failed connections, timeouts and cut answers count; a 404 never does.',
  {
    enabled: flag({ about: 'Whether there is one.', effect: 'live' }).prefault(true),
    failureShare: integer({
      about: 'Percentage of failures within the window at which it opens.',
      effect: 'live',
      min: 5,
      max: 100,
    }).prefault(50),
    minRequests: integer({
      about: 'With fewer exchanges than that in the window, the percentage says nothing.',
      effect: 'live',
      min: 5,
      max: 100_000,
    }).prefault(20),
    window: timeout({ about: 'The time that is looked at.', effect: 'live', min: '1s', max: '10m' }).prefault(
      '10s',
    ),
    consecutive: integer({
      about:
        'It also opens after so many failed connections, timeouts or cut answers in a row, for origins that are seldom asked.',
      effect: 'live',
      min: 3,
      max: 10_000,
    }).prefault(10),
    openFor: timeout({
      about:
        'How long the origin is left alone the first time, up to a fifth less. Twice as long after each time that it fails again.',
      effect: 'live',
      min: '100ms',
      max: '10m',
    }).prefault('5s'),
    maxOpenFor: timeout({ about: 'And at most.', effect: 'live', min: '100ms', max: '1h' }).prefault('1m'),
    probes: integer({
      about: 'Requests that are tried at a time after that, and successes that close the circuit again.',
      effect: 'live',
      min: 1,
      max: 100,
    }).prefault(3),
    status: statuses(
      'Answers that count as failures. 500 is left out: it usually is about one image, and the others should go on.',
    ).prefault([429, 502, 503, 504]),
  },
);

const health = group('Asks for one path from time to time. Origins that fail at it are asked last.', {
  path: text(
    {
      about: 'What is asked for, behind the path of the url.',
      effect: 'live',
      expects: 'a path, such as /healthz',
      pattern: '^/[\\x21-\\x7e]*$',
    },
    (input): string | Refusal =>
      /^\/[\x21-\x7e]*$/.test(input)
        ? input
        : { reason: 'this is not a path', remedy: 'write it like /healthz, percent-encoded' },
  ),
  status: integer({ about: 'The answer of a healthy origin.', effect: 'live', min: 200, max: 599 }).prefault(
    200,
  ),
  interval: timeout({ about: 'Time between two checks.', effect: 'live', min: '1s', max: '1h' }).prefault(
    '10s',
  ),
  timeout: timeout({
    about: 'Longest wait for the answer, at most the interval.',
    effect: 'live',
    min: '10ms',
    max: '1m',
  }).prefault('2s'),
  unhealthyAfter: integer({ about: 'Failed checks in a row.', effect: 'live', min: 1, max: 100 }).prefault(3),
  healthyAfter: integer({ about: 'Good checks in a row.', effect: 'live', min: 1, max: 100 }).prefault(2),
});

/** To be spread into the options of an origin that has `connections`. */
export const GUARD_OPTIONS = {
  queue: queue.prefault({}),
  retry: retry.prefault({}),
  breaker: breaker.prefault({}),
  health: health.optional(),
} as const;
