/**
 * What a worker must not inherit of Node's own options. A copy of `-e` would run the program again in every worker, of
 * `--inspect` would collide on its port, of `--test` or `--watch` would start runners and watchers.
 */

/** Options that are dropped together with their value, be it `--name=value` or the next argument. */
const WITH_VALUE = new Set([
  '-e',
  '--eval',
  '--inspect-port',
  '--debug-port',
  '--inspect-publish-uid',
  '--input-type',
  '--watch-path',
  '--watch-kill-signal',
  '--test-name-pattern',
  '--test-skip-pattern',
  '--test-reporter',
  '--test-reporter-destination',
  '--test-shard',
  '--test-concurrency',
  '--test-timeout',
  '--test-isolation',
  '--experimental-test-isolation',
  '--test-global-setup',
  '--test-coverage-include',
  '--test-coverage-exclude',
  '--test-coverage-branches',
  '--test-coverage-functions',
  '--test-coverage-lines',
  // Already in process.env, which the workers inherit; the file may be gone or relative to another folder.
  '--env-file',
  '--env-file-if-exists',
])

/** Options whose value is optional: the next argument belongs to them unless it is an option itself. */
const WITH_OPTIONAL_VALUE = new Set(['-p', '-pe', '--print'])

/** Options that stand alone. */
const ALONE =
  /^(-i|--interactive|-c|--check|--|-|--inspect(-brk|-wait)?(=.*)?|--test|--test-only|--test-force-exit|--test-update-snapshots|--experimental-test-(coverage|module-mocks|snapshots)|--watch|--watch-preserve-output)$/

/** The options of this process that a worker is to inherit. */
export function inheritedExecArgv(execArgv: readonly string[]): string[] {
  const kept: string[] = []
  for (let i = 0; i < execArgv.length; i++) {
    const argument = execArgv[i]
    // V8 and Node take underscores in an option's name for dashes.
    const [name, value] = splitOption(argument)
    if (WITH_VALUE.has(name)) {
      if (value === undefined) i++
    } else if (WITH_OPTIONAL_VALUE.has(name)) {
      if (value === undefined && execArgv[i + 1]?.startsWith('-') === false) i++
    } else if (!ALONE.test(value === undefined ? name : `${name}=${value}`)) {
      kept.push(argument)
    }
  }
  return kept
}

/** What of `NODE_OPTIONS` would collide in a worker. The rest, which may hold quoted spaces, stays as it is. */
const COLLIDING =
  /(?<=^|\s)--(inspect([-_](brk|wait))?(=\S*)?|(inspect[-_]port|debug[-_]port|inspect[-_]publish[-_]uid|watch[-_]path)(=|\s+)\S+)(?=\s|$)/g

/** `NODE_OPTIONS` without what would collide in a worker. */
export function inheritedNodeOptions(options: string): string {
  return options.replace(COLLIDING, '').trim()
}

function splitOption(argument: string): [name: string, value: string | undefined] {
  const equals = argument.indexOf('=')
  const name = equals < 0 ? argument : argument.slice(0, equals)
  return [name.replaceAll('_', '-'), equals < 0 ? undefined : argument.slice(equals + 1)]
}
