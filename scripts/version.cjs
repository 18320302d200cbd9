// One version for the package, the platforms' packages and the crates.
//   npm run version:set -- 0.2.0      gives all of them that version
//   node scripts/version.cjs --check [VERSION]      fails unless all have the same one, and that one
const { execFileSync } = require('node:child_process')
const { readdirSync, readFileSync, writeFileSync } = require('node:fs')
const { dirname, join, resolve } = require('node:path')

const root = resolve(__dirname, '..')
const manifests = ['package.json', ...readdirSync(join(root, 'npm')).map(name => `npm/${name}/package.json`)]
const VERSION = /^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/
/** In Cargo.toml: that of the workspace, and those by which its crates name each other. */
const CRATES = /^((?:tsdsm-\w+ = \{.*)?version = ")([^"]*)/gm

/** The workspace's, and that of the example that is a package of its own. */
const LOCKS = ['Cargo.lock', 'examples/embedding/Cargo.lock']

/** Where versions stand, and what they are. */
function versions() {
  const found = manifests.map(file => [file, JSON.parse(read(file)).version])
  for (const [, , version] of read('Cargo.toml').matchAll(CRATES)) found.push(['Cargo.toml', version])
  for (const lock of LOCKS) {
    for (const [, name, version] of read(lock).matchAll(/name = "(tsdsm-\w+)"\nversion = "([^"]*)"/g)) {
      found.push([`${lock}, ${name}`, version])
    }
  }
  const lock = JSON.parse(read('package-lock.json'))
  found.push(['package-lock.json', lock.version], ['package-lock.json, root', lock.packages[''].version])
  return found
}

function check(wanted) {
  const found = versions()
  const expected = wanted ?? found[0][1]
  const wrong = found.filter(([, version]) => version !== expected)
  for (const [file, version] of wrong) console.error(`version: ${file} has ${version}, not ${expected}`)
  if (wrong.length > 0) process.exitCode = 1
  else console.log(`version: ${expected}, in ${found.length} places`)
}

function set(version) {
  for (const file of manifests) replace(file, /^( {2}"version": ")[^"]*/m, version)
  replace('Cargo.toml', CRATES, version)
  for (const lock of LOCKS) {
    const cwd = dirname(join(root, lock))
    execFileSync('cargo', ['update', '--workspace', '--offline', '--quiet'], { cwd, stdio: 'inherit' })
  }
  execFileSync('npm', ['install', '--package-lock-only', '--ignore-scripts', '--offline', '--no-audit', '--silent'], {
    cwd: root,
    stdio: 'inherit',
  })
}

function read(file) {
  return readFileSync(join(root, file), 'utf8')
}

function replace(file, pattern, version) {
  writeFileSync(
    join(root, file),
    read(file).replace(pattern, (_, before) => before + version),
  )
}

const [first, second] = process.argv.slice(2)
if (first === '--check') {
  check(second)
} else if (VERSION.test(first)) {
  set(first)
  check(first)
} else {
  console.error('version: say which, as in: npm run version:set -- 0.2.0')
  process.exitCode = 1
}
