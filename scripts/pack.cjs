// Packs the npm package, and those of the platforms that are built here, as they are published.
//   npm run pack:local -- [--pack-destination DIR] [--root-only]
//
// The repository's package.json names no platform package, so that `npm ci` works in a clone before anything is
// published; the published one names them all.
const { execFileSync } = require('node:child_process')
const { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } = require('node:fs')
const { tmpdir } = require('node:os')
const { join, resolve } = require('node:path')
const { parseArgs } = require('node:util')
const { parseTriple } = require('@napi-rs/cli')
const { licences } = require('./licences.cjs')

const { values } = parseArgs({
  options: { 'pack-destination': { type: 'string', default: '.' }, 'root-only': { type: 'boolean', default: false } },
})
const root = resolve(__dirname, '..')
const destination = resolve(values['pack-destination'])
const work = mkdtempSync(join(tmpdir(), 'tsdsm-pack-'))
try {
  mkdirSync(destination, { recursive: true })
  packRoot()
  if (!values['root-only']) for (const [platform, target] of platforms()) packPlatform(platform, target)
} finally {
  rmSync(work, { recursive: true, force: true })
}

/** What napi-rs calls the platforms, and Rust's targets for them. */
function platforms() {
  const { targets } = read(join(root, 'package.json')).napi
  return new Map(targets.map(target => [parseTriple(target).platformArchABI, target]))
}

function packRoot() {
  const [{ filename }] = pack(root, work)
  execFileSync('tar', ['-xzf', join(work, filename), '-C', work])
  const stage = join(work, 'package')
  const { scripts, devDependencies, overrides, napi, ava, ...manifest } = read(join(stage, 'package.json'))
  manifest.optionalDependencies = Object.fromEntries(
    [...platforms().keys()].map(platform => [`${manifest.name}-${platform}`, manifest.version]),
  )
  write(stage, manifest)
  report(pack(stage, destination))
}

/** The binary that scripts/build-platforms has made, or else that of `npm run build`. */
function packPlatform(platform, target) {
  const folder = join(root, 'npm', platform)
  const manifest = read(join(folder, 'package.json'))
  const binary = [join(folder, manifest.main), join(root, 'dist', manifest.main)].find(existsSync)
  if (!binary) return
  const stage = join(work, platform)
  cpSync(folder, stage, { recursive: true })
  cpSync(binary, join(stage, manifest.main))
  cpSync(join(root, 'LICENSE'), join(stage, 'LICENSE'))
  writeFileSync(join(stage, 'THIRD-PARTY-LICENSES.txt'), licences(target))
  report(pack(stage, destination))
}

function pack(folder, into) {
  const args = ['pack', '--json', '--ignore-scripts', '--loglevel=error', '--pack-destination', into]
  const packed = JSON.parse(execFileSync('npm', args, { cwd: folder, encoding: 'utf8' }))
  // npm 11 gives an object by name where earlier ones give a list.
  return Array.isArray(packed) ? packed : Object.values(packed)
}

function report([{ filename, size, unpackedSize }]) {
  const kilobytes = bytes => `${Math.round(bytes / 1000)} kB`
  console.log(`${join(destination, filename)}  ${kilobytes(size)}, unpacked ${kilobytes(unpackedSize)}`)
}

function read(file) {
  return JSON.parse(readFileSync(file, 'utf8'))
}

function write(folder, manifest) {
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
}
