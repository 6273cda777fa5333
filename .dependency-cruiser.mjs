// Who may import whom. The order of the layers is the architecture of @sherd/core: a file imports from its own
// layer and from those above it in this list, types included.
const core = '^packages/core/src/'
const layers = [
  'errors\\.ts$|(diagnostics|util)/',
  'config/',
  'topology/',
  'router/',
  'breaker/',
  'pool/',
  'budget/',
  'resources/',
  'health/',
  'scope/',
  '(fan-out|jobs|operations)/',
  '[a-z-]*sharding\\.ts$',
  'adapter/',
  'processes/',
  'testing/',
].map((pattern) => `${core}(${pattern})`)
const entry = `${core}index\\.ts$`

// Relative to the repository's folder: a workspace package is found at its sources.
const adapters = '^packages/(express|fastify|cls-hooked|cli)/src/'

/** @type {import('dependency-cruiser').IConfiguration} */
const configuration = {
  forbidden: [
    ...layers.slice(0, -1).map((layer, index) => ({
      name: `layer-${index}-imports-upward-only`,
      severity: 'error',
      from: { path: layer },
      to: { path: layers.slice(index + 1).join('|') },
    })),
    {
      name: 'core-files-belong-to-a-layer',
      comment: 'A new folder of core takes its place in the list of layers first.',
      severity: 'error',
      from: { path: core, pathNot: [...layers, entry] },
      to: {},
    },
    {
      name: 'core-entry-is-for-users',
      comment: 'Inside core each file imports what it needs from where it is.',
      severity: 'error',
      from: { path: core, pathNot: `${core}testing/` },
      to: { path: entry },
    },
    {
      name: 'core-knows-no-framework',
      severity: 'error',
      from: { path: core },
      to: {
        path: [
          'node_modules/(@types/)?(express|fastify|koa)[0-9]?/',
          '^(express|fastify|koa)(/|$)',
          adapters,
        ],
      },
    },
    {
      name: 'knex-runs-in-one-file',
      comment: 'Types of knex may be imported everywhere.',
      severity: 'error',
      from: { path: core, pathNot: `${core}pool/knex-client\\.ts$` },
      to: { path: ['node_modules/knex/', '^knex(/|$)'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'adapters-use-the-public-door',
      comment:
        'An adapter imports @sherd/core and @sherd/core/adapter, as one outside this repository could.',
      severity: 'error',
      from: { path: adapters },
      to: { path: '^packages/(?!$1/)', pathNot: [entry, `${core}adapter/index\\.ts$`] },
    },
    {
      name: 'published-code-imports-no-private-package',
      severity: 'error',
      from: { path: '^packages/(core|express|fastify|cls-hooked|cli)/src/' },
      to: { path: '^(packages/(local-servers|conformance)|examples|benchmarks|docs)/' },
    },
    {
      name: 'published-code-imports-no-development-dependency',
      severity: 'error',
      from: { path: '^packages/(core|express|fastify|cls-hooked|cli)/src/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['npm-peer', 'type-only'] },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'imports-resolve', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|\\.turbo)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.ts', '.mts', '.mjs', '.js', '.cjs', '.json', '.d.ts'],
    },
  },
}
export default configuration
