import { OUTCOMES } from '../cache/outcome.ts';
import type { IMAGE_METRICS } from './catalog-images.ts';
import type { Emit, MetricSource } from './readings.ts';
import type { ImagesSnapshot } from './snapshot.ts';
import { TRANSFORM_RESULTS } from './transform-books.ts';

type Reading = (source: MetricSource, emit: Emit<number>) => void;
type Name = Exclude<(typeof IMAGE_METRICS)[number], { type: 'histogram' }>['name'];

/** Where the metrics of variants come from. */
export const IMAGE_READINGS: { readonly [N in Name]: Reading } = {
  holdfast_transforms_total: ofImages((_, emit, { recorder }) => {
    TRANSFORM_RESULTS.forEach((result, i) => {
      emit(recorder.transforms.results[i]!, result);
    });
  }),
  holdfast_transform_input_bytes_total: ofImages((_, emit, { recorder }) =>
    emit(recorder.transforms.inputBytes),
  ),
  holdfast_transform_output_bytes_total: ofImages((_, emit, { recorder }) =>
    emit(recorder.transforms.outputBytes),
  ),
  holdfast_variant_originals_total: ofImages((_, emit, { recorder }) => {
    OUTCOMES.forEach((outcome, i) => {
      emit(recorder.transforms.originals[i]!, outcome);
    });
  }),
  holdfast_transforms_active: level('active'),
  holdfast_transforms_waiting: level('waiting'),
  holdfast_transform_held_bytes: level('heldBytes'),
  holdfast_transform_resident_memory_bytes: level('residentBytes'),
  holdfast_transform_restarts_total: level('restarts'),
};

function ofImages(read: (images: ImagesSnapshot, emit: Emit<number>, source: MetricSource) => void): Reading {
  return (source, emit) => {
    const { images } = source.snapshot;
    if (images !== undefined) read(images, emit, source);
  };
}

function level(field: 'active' | 'waiting' | 'heldBytes' | 'residentBytes' | 'restarts'): Reading {
  return ofImages((images, emit) => emit(images[field]));
}
