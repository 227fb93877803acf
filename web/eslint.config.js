import globals from 'globals'
import svelte from 'eslint-plugin-svelte'
import ts from 'typescript-eslint'

import config from './svelte.config.js'

export default ts.config(
  ...ts.configs.recommended,
  ...svelte.configs.recommended,
  { languageOptions: { globals: globals.browser } },
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: { parserOptions: { parser: ts.parser, svelteConfig: config } },
  },
  {
    rules: {
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/no-explicit-any': 'off', // a component takes whatever props its page has
      'svelte/prefer-svelte-reactivity': 'off', // maps and sets are replaced whole, in $state.raw
      'svelte/prefer-writable-derived': 'off', // a draft follows the lens, and is typed over
      'svelte/no-unused-svelte-ignore': 'off', // svelte-check needs what this rule finds unused
      'svelte/no-useless-mustaches': 'off', // {' '} is a space that formatting keeps
    },
  },
  { ignores: ['node_modules', 'src/lib/protocol.ts'] },
)
