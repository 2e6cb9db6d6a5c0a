import type { MetricSpec } from './catalog.ts';

const group = 'Requests';

/** The part of the catalogue that is about requests of clients, and the fetches that they share. */
export const REQUEST_METRICS = [
  {
    name: 'holdfast_requests_total',
    type: 'counter',
    unit: 'requests',
    labels: ['route', 'outcome'],
    group,
    prose: 'Requests answered, by how they were served.',
  },
  {
    name: 'holdfast_responses_total',
    type: 'counter',
    unit: 'responses',
    labels: ['code'],
    group,
    prose: 'Responses by status code; codes never sent are absent.',
  },
  {
    name: 'holdfast_incomplete_responses_total',
    type: 'counter',
    unit: 'responses',
    labels: [],
    group,
    prose:
      'Responses that did not reach the client whole: the client left, stalled, or the origin broke off.',
  },
  {
    name: 'holdfast_sent_bytes_total',
    type: 'counter',
    unit: 'bytes',
    labels: ['route'],
    group,
    prose: 'Head and body bytes handed to the kernel.',
  },
  {
    name: 'holdfast_request_duration_seconds',
    type: 'histogram',
    unit: 'seconds',
    labels: ['outcome'],
    group,
    prose:
      'From the head of the request received to the last byte of the response handed to the kernel. Slow clients make it longer.',
  },
  {
    name: 'holdfast_not_stored_total',
    type: 'counter',
    unit: 'responses',
    labels: ['reason'],
    group,
    prose: 'Responses of origins that were passed on but not stored.',
  },
  {
    name: 'holdfast_retrieval_failures_total',
    type: 'counter',
    unit: 'requests',
    labels: ['route', 'cause'],
    group,
    prose:
      'Requests for an image that did not get it whole, each with exactly one cause. Clients that went away are not among them.',
  },
  {
    name: 'holdfast_fetches',
    type: 'gauge',
    unit: 'fetches',
    labels: [],
    group,
    prose: 'Fetches from origins under way, renewals included.',
  },
  {
    name: 'holdfast_flights_total',
    type: 'counter',
    unit: 'fetches',
    labels: ['ending'],
    group,
    prose: 'Origin fetches that several requests may share, by how they ended.',
  },
] as const satisfies readonly MetricSpec[];
