import type { MetricSpec } from './catalog.ts';

const group = 'Variants of images';

/** What is made of images, as metrics: a part of the catalogue. */
export const IMAGE_METRICS = [
  {
    name: 'holdfast_transforms_total',
    type: 'counter',
    unit: 'variants',
    labels: ['result'],
    group,
    prose:
      'Variants that were made, confirmed without making them again, or failed, by cause. Absent on nodes without images, like all of these.',
  },
  {
    name: 'holdfast_transform_duration_seconds',
    type: 'histogram',
    unit: 'seconds',
    labels: [],
    group,
    prose: 'Decoding and encoding of variants that were made, without the wait for their turn.',
  },
  {
    name: 'holdfast_transform_input_bytes_total',
    type: 'counter',
    unit: 'bytes',
    labels: [],
    group,
    prose: 'Bytes of the originals that variants were made of.',
  },
  {
    name: 'holdfast_transform_output_bytes_total',
    type: 'counter',
    unit: 'bytes',
    labels: [],
    group,
    prose: 'Bytes of the variants that were made.',
  },
  {
    name: 'holdfast_variant_originals_total',
    type: 'counter',
    unit: 'requests',
    labels: ['outcome'],
    group,
    prose:
      'Originals and overlays that the node asked itself for to make variants, by how they were served. Not among the requests of clients.',
  },
  {
    name: 'holdfast_transforms_active',
    type: 'gauge',
    unit: 'variants',
    labels: [],
    group,
    prose: 'Variants that are being made now.',
  },
  {
    name: 'holdfast_transforms_waiting',
    type: 'gauge',
    unit: 'variants',
    labels: [],
    group,
    prose: 'Variants that wait for their turn. Above 0 for long: the processors do not keep up.',
  },
  {
    name: 'holdfast_transform_held_bytes',
    type: 'gauge',
    unit: 'bytes',
    labels: [],
    group,
    prose:
      'Bytes of originals that are held for variants that wait or are being made; at most images.queue.size.',
  },
  {
    name: 'holdfast_transform_resident_memory_bytes',
    type: 'gauge',
    unit: 'bytes',
    labels: [],
    group,
    prose: 'Resident memory of the process that makes variants; 0 while there is none.',
  },
  {
    name: 'holdfast_transform_restarts_total',
    type: 'counter',
    unit: 'starts',
    labels: [],
    group,
    prose:
      'How often that process was started again because it died, hung, or grew too large. Any is worth a look at the log.',
  },
] as const satisfies readonly MetricSpec[];
