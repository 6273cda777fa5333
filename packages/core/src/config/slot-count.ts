/** Slots of the strategy `buckets`, numbered from 0. As many as in Redis Cluster. */
export const SLOT_COUNT = 16_384
