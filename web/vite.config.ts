import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vitest/config'
import { gzipped } from './dev/gzipped'
import { licences } from './dev/licences'

const outDir = process.env.TILEWORK_PAGE ?? '../src/tilework/studio/page'

export default defineConfig({
  base: './', // behind a proxy the page stands under a path that is not known here
  plugins: [svelte(), licences(), gzipped()],
  build: {
    outDir,
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0, // a data: address would need its own line in the content security policy
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
})
