import type { ErrorEntry } from './error-entry.ts';

/** The part of the catalogue that is about variants: addresses that are refused, and transforms that fail. */
export const IMAGE_ERRORS = {
  'image-options': {
    status: 400,
    publicText: 'The image options of this address are not valid.',
    meaning:
      'The address asks for a variant in a way that the route does not understand or does not allow (routes[].images).',
    remedy:
      'The second line of the answer says which option. Correct the page, or allow it: formats, widths, operations, presets of routes[].images.',
  },
  'image-signature': {
    status: 403,
    publicText: 'The signature of this address is missing or not valid.',
    meaning:
      'The route wants signed addresses (routes[].images.signing), and this one is not, or was changed.',
    remedy:
      'Sign exactly the address that is sent: `holdfast sign` shows how. After a change of keys keep the former one in the list for a while.',
  },
  'image-expired': {
    status: 403,
    publicText: 'This address is no longer valid.',
    meaning: 'A signed address was used after its time.',
    remedy: 'Nothing, if it is an old page; else compare the clocks, or let addresses live longer.',
  },
  'image-not-image': {
    status: 502,
    publicText: 'The source is not an image.',
    meaning: 'The origin answered 200 with what is no image: a login or an error page in HTML, most often.',
    remedy:
      'Fetch the original as the node does and look at it; mend the origin or its credentials. storeTypes: [image/*] keeps such pages out of the cache.',
  },
  'image-unsupported': {
    status: 422,
    publicText: 'Images of this format cannot be transformed.',
    meaning:
      'The original is an image in a format that this build cannot decode (HEIC, JPEG XL, PSD and others).',
    remedy: 'Convert the original to JPEG, PNG, WebP or AVIF; or link to it without image options.',
  },
  'image-truncated': {
    status: 422,
    publicText: 'The source image is incomplete.',
    meaning: 'The data of the original end before the image does, although the origin delivered all it has.',
    remedy: 'Upload the original again: it was cut off when it was stored.',
  },
  'image-corrupt': {
    status: 422,
    publicText: 'The source image cannot be decoded.',
    meaning: 'The decoder refused the original; the log has its words.',
    remedy: 'Open the original in another program; save or upload it again.',
  },
  'image-too-many-bytes': {
    status: 422,
    publicText: 'The source image is too large.',
    meaning: 'The original has more bytes than images.maxInput.',
    remedy: 'Raise images.maxInput if such originals are meant to be transformed.',
  },
  'image-too-many-pixels': {
    status: 422,
    publicText: 'The source image is too large.',
    meaning:
      'The original has more pixels, all frames together, than images.maxPixels: a decompression bomb, or a huge scan.',
    remedy:
      'Raise images.maxPixels if such originals are meant to be transformed; each takes 4 bytes of memory.',
  },
  'image-too-many-frames': {
    status: 422,
    publicText: 'The source image has too many frames.',
    meaning: 'An animation with more frames than images.maxFrames.',
    remedy: 'Raise images.maxFrames, or ask for its first frame alone.',
  },
  'image-output-too-large': {
    status: 400,
    publicText: 'The image that was asked for is too large.',
    meaning: 'The variant would have more pixels than images.maxOutputPixels.',
    remedy: 'Ask for a smaller one, or raise images.maxOutputPixels.',
  },
  'image-unsafe-svg': {
    status: 422,
    publicText: 'The source image cannot be drawn.',
    meaning: 'An SVG with entities or other things that are used for attacks, and not drawn here.',
    remedy: 'Save it as plain SVG without a document type.',
  },
  'image-overlay': {
    status: 502,
    publicText: 'The image could not be made.',
    meaning: 'The overlay of the variant could not be fetched, or is no image.',
    remedy: 'Fetch the address of the overlay from this node; `holdfast explain` says what is wrong with it.',
  },
  'image-timeout': {
    status: 504,
    publicText: 'The image could not be made in time.',
    meaning: 'Decoding and encoding took longer than images.timeout.',
    remedy:
      'Ask for a cheaper format or a smaller size (AVIF of large images is slow), or raise images.timeout.',
  },
  'image-memory': {
    status: 422,
    publicText: 'The image takes too much memory to make.',
    meaning: 'The process that transforms grew above images.memory while it worked on this image alone.',
    remedy: 'Lower images.maxPixels so that such originals are refused at once, or raise images.memory.',
  },
  'image-crashed': {
    status: 422,
    publicText: 'The image could not be made.',
    meaning:
      'The process that transforms died while it worked on this image alone. It has been started again.',
    remedy: 'Keep the original and report it: a decoder has a fault.',
  },
  'image-queue-full': {
    status: 503,
    publicText: 'Too busy at the moment. Please try again.',
    meaning: 'As many transforms were waiting as may wait (images.queue.max).',
    remedy:
      'Look which variants are made again and again (premature evictions), and who asks for many of one image. More processors help.',
  },
  'image-queue-timeout': {
    status: 503,
    publicText: 'Too busy at the moment. Please try again.',
    meaning: 'A transform waited for its turn longer than images.queue.timeout.',
    remedy:
      'Look which variants are made again and again (premature evictions), and who asks for many of one image. More processors help.',
  },
  'image-unavailable': {
    status: 503,
    publicText: 'Images cannot be transformed at the moment. Please try again.',
    meaning: 'The process that transforms does not start, or died and is being started again.',
    remedy:
      'The log has what it said. Check that sharp is installed for this platform (npm ci), and the memory of the machine.',
  },
} as const satisfies Readonly<Record<string, ErrorEntry>>;
