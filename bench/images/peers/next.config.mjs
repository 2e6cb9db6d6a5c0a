/**
 * The smallest application that serves `/_next/image`. BENCH_WIDTHS: the widths that are asked for, as a JSON list of at most 50.
 * Everything that is not named is as Next.js has it.
 */
const widths = JSON.parse(process.env.BENCH_WIDTHS ?? '[800]');

export default {
  // Else the lock file of the project around it is taken for its own.
  turbopack: { root: import.meta.dirname },
  images: {
    // Each list takes 25.
    deviceSizes: widths.slice(0, 25),
    imageSizes: widths.slice(25, 50),
    qualities: [75, 80],
    formats: ['image/avif', 'image/webp'],
    remotePatterns: [{ protocol: 'http', hostname: '127.0.0.1' }],
    dangerouslyAllowLocalIP: true,
  },
};
