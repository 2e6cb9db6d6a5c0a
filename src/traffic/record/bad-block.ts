/** Bytes that are no block of this version. The message is the second half of a sentence about it. */
export class BadBlock extends Error {}
